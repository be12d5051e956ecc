// Renders one board's panels with Grafana's own components from prepared query answers. A preview, not a Grafana server:
// state timelines and status histories are drawn here in Grafana's colours, since Grafana does not publish those components.
import inter400 from '@fontsource/inter/files/inter-latin-400-normal.woff2';
import inter500 from '@fontsource/inter/files/inter-latin-500-normal.woff2';
import {
  DataFrame,
  DisplayValueAlignmentFactors,
  FieldDisplay,
  FieldType,
  ThresholdsMode,
  VizOrientation,
  applyFieldOverrides,
  createTheme,
  dateTime,
  dateTimeFormat,
  getDisplayProcessor,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  renderTextPanelMarkdown,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, Table, ThemeContext, TimeSeries, VizLegend, VizRepeater } from '@grafana/ui';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';
import plotStyle from 'uplot/dist/uPlot.min.css';
import AngleDown from './node_modules/@grafana/ui/dist/public/img/icons/unicons/angle-down.svg';
import AngleUp from './node_modules/@grafana/ui/dist/public/img/icons/unicons/angle-up.svg';
import ArrowDown from './node_modules/@grafana/ui/dist/public/img/icons/unicons/arrow-down.svg';
import ArrowUp from './node_modules/@grafana/ui/dist/public/img/icons/unicons/arrow-up.svg';
import InfoCircle from './node_modules/@grafana/ui/dist/public/img/icons/unicons/info-circle.svg';

declare global {
  interface Window {
    PREVIEW: any;
    RENDERED: boolean;
  }
}

// Grafana's server hands out the icons; here they are in the script.
const ICONS: Record<string, string> = { 'angle-down.svg': AngleDown, 'angle-up.svg': AngleUp, 'arrow-down.svg': ArrowDown, 'arrow-up.svg': ArrowUp, 'info-circle.svg': InfoCircle };
const fetched = window.fetch;
window.fetch = (what: any, ...rest: any[]) => fetched(ICONS[String(what).split('/').pop()!] ?? what, ...rest);

const { board, answers, variables, from, to, events = [] } = window.PREVIEW;
const theme = createTheme({ colors: { mode: 'dark' } });
// Grafana's grid: 24 columns, rows of 30 pixels and 8 between them.
const COLUMN = 1600 / 24;
const ROW = 38;
const GAP = 8;
const HEAD = 72;
const timeRange = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };

const property = (id: string): any => ({
  id,
  path: id.replace(/^custom\./, ''),
  isCustom: id.startsWith('custom.'),
  name: id,
  process: (value: any) => value,
  shouldApply: () => true,
  settings: {},
});
const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'color', 'thresholds', 'mappings', 'links'].map(property);
standardEditorsRegistry.setInit(() => []);
standardFieldConfigEditorRegistry.setInit(() => STANDARD);
// What a panel's plugin would register: every own option that its defaults name.
const registryOf = (defaults: any): any => {
  const all = [...STANDARD, ...Object.keys(defaults?.custom ?? {}).map((name) => property(`custom.${name}`))];
  return { getIfExists: property, list: () => all };
};
const filled = (text: string) => text.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (whole, name) => variables[name] ?? whole);
standardTransformersRegistry.setInit(() =>
  [...new Map(Object.values(standardTransformers).map((one: any) => [one.id, one])).values()].map((transformation: any) => ({
    id: transformation.id, name: transformation.name, transformation: async () => transformation, description: '', editor: () => null,
  })) as any
);

const legend = (format: string, labels: Record<string, string>) =>
  (format || '').replace(/\{\{\s*([^}\s]+)\s*\}\}/g, (_, name) => labels[name] ?? '');

function framesOf(panel: any): DataFrame[] {
  return (panel.targets ?? []).flatMap((target: any) => {
    const result: any[] = answers[`${panel.id}:${target.refId}`] ?? [];
    if (target.format === 'table') {
      const names = [...new Set(result.flatMap((row) => Object.keys(row.metric)))];
      return [
        toDataFrame({
          refId: target.refId,
          fields: [
            { name: 'Time', type: FieldType.time, values: result.map(() => to) },
            ...names.map((name) => ({ name, type: FieldType.string, values: result.map((row) => row.metric[name] ?? '') })),
            { name: (panel.targets.length > 1) ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: result.map((row) => Number(row.value[1])) },
          ],
        }),
      ];
    }
    return result.map((row) => {
      const samples: [number, string][] = row.values ?? [row.value];
      const name = legend(target.legendFormat, row.metric) || JSON.stringify(row.metric);
      return toDataFrame({
        refId: target.refId,
        name,
        fields: [
          { name: 'Time', type: FieldType.time, values: samples.map(([at]) => at * 1000) },
          { name: 'Value', type: FieldType.number, labels: row.metric, config: { displayNameFromDS: name }, values: samples.map(([, value]) => (value === 'NaN' ? null : Number(value))) },
        ],
      });
    });
  });
}

async function prepared(panel: any): Promise<DataFrame[]> {
  let frames = framesOf(panel);
  if (panel.transformations?.length) {
    frames = await firstValueFrom(transformDataFrame(panel.transformations, frames));
  }
  const { defaults, overrides } = configOf(panel);
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults, overrides },
    replaceVariables: filled,
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: registryOf(defaults),
  });
}

function configOf(panel: any): any {
  const curves = panel.type === 'timeseries';
  return {
    defaults: {
      color: { mode: curves ? 'palette-classic' : 'thresholds' },
      thresholds: { mode: ThresholdsMode.Absolute, steps: [{ value: -Infinity, color: 'green' }] },
      ...clean(panel.fieldConfig?.defaults ?? {}),
    },
    overrides: clean(panel.fieldConfig?.overrides ?? []),
  };
}

function clean(value: any): any {
  if (value && typeof value === 'object' && Array.isArray(value.steps)) {
    return { ...value, steps: value.steps.map((step: any) => ({ ...step, value: step.value ?? -Infinity })) };
  }
  if (Array.isArray(value)) return value.map(clean);
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)]));
  return value;
}

function stretches(times: number[], values: number[], step: number, column?: number) {
  if (column !== undefined) return times.map((at, index) => ({ begin: at - (column * step) / 2, end: at + (column * step) / 2, value: values[index] }));
  const found: { begin: number; end: number; value: number }[] = [];
  times.forEach((at, index) => {
    const before = found[found.length - 1];
    if (before && before.value === values[index] && at <= before.end) before.end = at + step;
    else found.push({ begin: at, end: at + step, value: values[index] });
  });
  return found;
}

// As Grafana draws them: a timeline's state lasts until the next one, a history's cell stands around its moment.
function Cells({ panel, frames: all, width, height }: { panel: any; frames: DataFrame[]; width: number; height: number }) {
  const foot = 62;
  // The first page of them.
  const frames = all.slice(0, panel.options?.perPage ?? all.length);
  const series = frames.map((frame) => ({ field: frame.fields.find((one) => one.type === FieldType.number)!, times: frame.fields.find((one) => one.type === FieldType.time)!.values, name: getFieldDisplayName(frame.fields.find((one) => one.type === FieldType.number)!, frame, frames) }));
  const canvas = document.createElement('canvas').getContext('2d')!;
  canvas.font = '12px Inter';
  const label = Math.max(...series.map(({ name }) => canvas.measureText(name).width)) + 14;
  const step = Math.min(...series.flatMap(({ times }) => times.slice(1).map((at: number, index: number) => at - times[index])));
  const history = panel.type === 'status-history';
  const first = history ? Math.min(...series.map(({ times }) => times[0])) - step / 2 : from;
  const last = history ? Math.max(...series.map(({ times }) => times[times.length - 1])) + step / 2 : to;
  const rowHeight = (height - foot) / series.length;
  const scale = (at: number) => label + ((at - first) / (last - first)) * (width - label - 4);
  const seen = new Map<string, string>();
  const days = (last - first) / 86400000;
  const tick = days > 14 ? 2 * 86400000 : 3 * 3600000;
  const ticks = Array.from({ length: Math.floor((last - first) / tick) + 1 }, (_, index) => Math.ceil(first / tick) * tick + index * tick).filter((at) => at < last);
  const thick = rowHeight * (panel.options?.rowHeight ?? 0.9);
  return (
    <div style={{ width, height }}>
      <svg width={width} height={height - 34} style={{ font: '12px Inter' }}>
        {series.map(({ field, times, name }, row) => {
          const process = field.display ?? getDisplayProcessor({ field, theme });
          const top = row * rowHeight + (rowHeight - thick) / 2;
          return (
            <g key={row}>
              <text x={label - 8} y={row * rowHeight + rowHeight / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>{name}</text>
              {stretches(times, field.values, step, history ? (panel.options?.colWidth ?? 0.9) : undefined).map(({ begin, end, value }) => {
                const shown = process(value);
                seen.set(shown.text, shown.color ?? '#808080');
                const x = scale(Math.max(first, begin));
                return <rect key={begin} x={x} y={top} width={Math.max(1, scale(Math.min(last, end)) - x)} height={thick} fill={shown.color} fillOpacity={(panel.fieldConfig?.defaults?.custom?.fillOpacity ?? 70) / 100} />;
              })}
            </g>
          );
        })}
        {ticks.map((at) => (
          <text key={at} x={scale(at)} y={height - 42} textAnchor="middle" fill={theme.colors.text.primary}>{dateTimeFormat(at, { format: days > 2 ? 'MM/DD' : 'HH:mm', timeZone: 'utc' })}</text>
        ))}
      </svg>
      <VizLegend placement="bottom" displayMode={'list' as any} items={[...seen].map(([text, color]) => ({ label: text, color, yAxis: 1 }))} />
    </div>
  );
}

// Annotations as Grafana draws them: a dashed line at the moment, and a mark below the axis.
function drawEvents(plot: any) {
  const { ctx, bbox } = plot;
  for (const { color, times } of events) {
    for (const at of times) {
      const x = plot.valToPos(at, 'x', true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      ctx.setLineDash([5, 5]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x - 4, bbox.top + bbox.height + 6);
      ctx.lineTo(x + 4, bbox.top + bbox.height + 6);
      ctx.fill();
      ctx.restore();
    }
  }
}

function Body({ panel, frames, width, height }: { panel: any; frames: DataFrame[]; width: number; height: number }) {
  const options = panel.options ?? {};
  if (panel.type === 'text') {
    return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderTextPanelMarkdown(filled(options.content ?? '')) }} />;
  }
  const single = panel.type === 'stat' || panel.type === 'bargauge';
  if (!single && (frames.length === 0 || frames.every((frame) => frame.length === 0))) {
    return <div style={{ display: 'grid', placeItems: 'center', height, color: theme.colors.text.secondary, fontSize: 18 }}>{panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
  }
  if (panel.type === 'timeseries') {
    return (
      <TimeSeries frames={frames} structureRev={1} width={width} height={height} timeRange={timeRange as any} timeZone="utc" legend={options.legend} options={options} {...({} as any)}>
        {(config: any) => {
          config.addHook('draw', drawEvents);
          return null;
        }}
      </TimeSeries>
    );
  }
  if (panel.type === 'table') {
    const sort = (options.sortBy ?? []).map((by: any) => ({ displayName: by.displayName, desc: by.desc }));
    return <Table data={frames[0]} width={width} height={height} initialSortBy={sort} cellHeight={options.cellHeight} showTypeIcons={false} />;
  }
  if (panel.type === 'state-timeline' || panel.type === 'status-history') return <Cells panel={panel} frames={frames} width={width} height={height} />;
  const values = () =>
    getFieldDisplayValues({
      fieldConfig: configOf(panel),
      reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] },
      replaceVariables: filled,
      theme,
      data: frames,
      sparkline: false,
      timeZone: 'utc',
    } as any);
  const draw = ({ value, width, height, count, alignmentFactors, orientation }: any) =>
    panel.type === 'bargauge' ? (
      <BarGauge theme={theme} width={width} height={height} value={value.display} field={value.field} text={options.text} display={value.view?.getFieldDisplayProcessor(value.colIndex)} orientation={orientation} displayMode={options.displayMode} showUnfilled={options.showUnfilled ?? true} valueDisplayMode={options.valueMode} namePlacement={options.namePlacement} itemSpacing={8} lcdCellWidth={12} alignmentFactors={alignmentFactors} />
    ) : (
      <BigValue theme={theme} width={width} height={height} count={count} value={value.display} colorMode={options.colorMode} graphMode={options.graphMode} justifyMode={options.justifyMode ?? ('auto' as any)} textMode={options.textMode ?? ('auto' as any)} alignmentFactors={alignmentFactors} text={options.text} wideLayout={options.wideLayout ?? true} />
    );
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      source={frames} getValues={values} getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={draw} width={width} height={height} renderCounter={0}
      itemSpacing={panel.type === 'bargauge' ? 8 : 3} autoGrid={panel.type === 'stat'} minVizWidth={panel.type === 'bargauge' ? (options.minVizWidth ?? 8) : undefined} minVizHeight={panel.type === 'bargauge' ? (options.minVizHeight ?? 16) : undefined} maxVizHeight={panel.type === 'bargauge' ? (options.maxVizHeight ?? 300) : undefined}
      orientation={(options.orientation ?? 'auto') === 'auto' ? VizOrientation.Auto : options.orientation}
    />
  );
}

class Guard extends React.Component<{ children: React.ReactNode }, { failed?: string }> {
  state: { failed?: string } = {};
  static getDerivedStateFromError(error: Error) {
    return { failed: `${error.message}` };
  }
  componentDidCatch(error: Error) {
    console.error('PREVIEW', error.stack);
  }
  render() {
    return this.state.failed ? <div style={{ color: 'red' }}>{this.state.failed}</div> : this.props.children;
  }
}

function Board({ panels }: { panels: { panel: any; frames: DataFrame[] }[] }) {
  const bottom = Math.max(...panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h));
  const pickers = board.templating.list.filter((one: any) => one.type === 'query').map((one: any) => [one.label, variables[one.name] === '.*' ? 'All' : variables[one.name]]);
  const picker = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '2px 8px', marginRight: 16 };
  return (
    <div style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary, width: 1616, height: bottom * ROW + HEAD + 4, position: 'relative' }}>
      <div style={{ padding: '10px 12px 0' }}>
        <span style={{ fontSize: 18, fontWeight: 500 }}>{board.title}</span>{' '}
        <span style={{ color: theme.colors.text.secondary }}>{board.description} A preview: simulated plans, Grafana's components, no Grafana server.</span>
        <div style={{ marginTop: 6 }}>
          {[...pickers, ['From', board.time.from], ['To', `${board.time.to} (${dateTimeFormat(to, { timeZone: 'utc' })} UTC)`]].map(([label, value]) => (
            <React.Fragment key={label}><span style={{ color: theme.colors.text.secondary, marginRight: 6 }}>{label}</span><span style={picker}>{value}</span></React.Fragment>
          ))}
        </div>
      </div>
      {panels.map(({ panel, frames }) => {
        const { x, y, w, h } = panel.gridPos;
        const width = w * COLUMN - GAP;
        const height = h * ROW - GAP;
        const place = { position: 'absolute' as const, left: x * COLUMN + 8, top: y * ROW + HEAD, width, height };
        if (panel.type === 'row') return <div key={panel.id} style={{ ...place, fontWeight: 500, fontSize: 16, lineHeight: `${height}px` }}>⌄ {panel.title}</div>;
        return (
          <div key={panel.id} data-panel={panel.title} style={place}>
            <PanelChrome title={filled(panel.title)} description={panel.description} width={width} height={height}>
              {(innerWidth: number, innerHeight: number) => <Guard><Body panel={panel} frames={frames} width={innerWidth} height={innerHeight} /></Guard>}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

async function looks() {
  const style = document.createElement('style');
  style.textContent = plotStyle;
  document.head.append(style);
  for (const [weight, file] of [['400', inter400], ['500', inter500]]) {
    document.fonts.add(await new FontFace('Inter', `url(${file})`, { weight }).load());
  }
}

(async () => {
  await looks();
  const flat = board.panels.flatMap((panel: any) => [panel, ...(panel.panels ?? [])]);
  const panels = [];
  for (const panel of flat) panels.push({ panel, frames: panel.type === 'row' ? [] : await prepared(panel) });
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme as any}>
      <GlobalStyles />
      <Board panels={panels} />
    </ThemeContext.Provider>
  );
  window.RENDERED = true;
})().catch((error) => {
  document.body.textContent = `preview failed: ${error.stack}`;
});

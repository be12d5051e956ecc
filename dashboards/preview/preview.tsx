// Renders one board's panels with Grafana's own components from prepared query answers. A preview, not a Grafana server:
// state timelines and status histories are drawn here in Grafana's colours, since Grafana does not publish those components.
import {
  DataFrame,
  FieldType,
  ThresholdsMode,
  applyFieldOverrides,
  createTheme,
  dateTime,
  getDisplayProcessor,
  getFieldDisplayValues,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, Table, ThemeContext, TimeSeries } from '@grafana/ui';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';

declare global {
  interface Window {
    PREVIEW: any;
    RENDERED: boolean;
  }
}

const { board, answers, from, to } = window.PREVIEW;
const theme = createTheme({ colors: { mode: 'dark' } });
const COLUMN = 1600 / 24;
const ROW = 36;
const GAP = 8;
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
const registry: any = { getIfExists: property, list: () => STANDARD };
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
          { name: 'Value', type: FieldType.number, labels: row.metric, config: { displayNameFromDS: name }, values: samples.map(([, value]) => Number(value)) },
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
  const fieldConfig = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults: { color: { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' }, thresholds: { mode: ThresholdsMode.Absolute, steps: [{ value: -Infinity, color: 'green' }] }, ...clean(fieldConfig.defaults) }, overrides: clean(fieldConfig.overrides ?? []) },
    replaceVariables: (text: string) => text,
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: registry,
  });
}

function clean(value: any): any {
  if (value && typeof value === 'object' && Array.isArray(value.steps)) {
    return { ...value, steps: value.steps.map((step: any) => ({ ...step, value: step.value ?? -Infinity })) };
  }
  if (Array.isArray(value)) return value.map(clean);
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)]));
  return value;
}

function Cells({ frames, width, height }: { frames: DataFrame[]; width: number; height: number }) {
  const named = frames.map((frame) => ({ frame, field: frame.fields.find((field) => field.type === FieldType.number)!, times: frame.fields.find((field) => field.type === FieldType.time)!.values }));
  const label = 220;
  const rowHeight = Math.min(24, (height - 40) / Math.max(1, named.length));
  const scale = (at: number) => label + ((at - from) / (to - from)) * (width - label - 10);
  const seen = new Map<string, string>();
  return (
    <svg width={width} height={height} style={{ font: '11px Inter, sans-serif' }}>
      {named.map(({ field, times, frame }, row) => {
        const process = field.display ?? getDisplayProcessor({ field, theme });
        return (
          <g key={row}>
            <text x={label - 8} y={row * rowHeight + rowHeight * 0.7} textAnchor="end" fill={theme.colors.text.primary}>{(frame.name ?? '').slice(0, 36)}</text>
            {field.values.map((value: number, index: number) => {
              const shown = process(value);
              seen.set(shown.text, shown.color ?? '#808080');
              const x = scale(times[index]);
              const next = index + 1 < times.length ? scale(times[index + 1]) : scale(times[index] + (times[1] - times[0] || 0));
              return <rect key={index} x={x} y={row * rowHeight + 2} width={Math.max(1, next - x - (next - x > 8 ? 2 : 0))} height={rowHeight - 4} fill={shown.color} />;
            })}
          </g>
        );
      })}
      {[...seen].map(([text, color], index) => (
        <g key={text} transform={`translate(${label + index * 120}, ${height - 16})`}>
          <rect width={12} height={12} y={-10} fill={color} />
          <text x={18} fill={theme.colors.text.primary}>{text}</text>
        </g>
      ))}
    </svg>
  );
}

function Body({ panel, frames, width, height }: { panel: any; frames: DataFrame[]; width: number; height: number }) {
  const empty = frames.every((frame) => frame.length === 0) || frames.length === 0;
  if (panel.type === 'text') {
    const html = String(panel.options?.content ?? '').trim().replace(/\*\*(.+?)\*\*/g, '<b>$1</b>').replace(/\*(.+?)\*/g, '<i>$1</i>').replace(/`(.+?)`/g, '<code>$1</code>');
    return <div style={{ padding: 8 }} dangerouslySetInnerHTML={{ __html: html }} />;
  }
  if (empty) return <div style={{ display: 'grid', placeItems: 'center', height, color: theme.colors.text.secondary, fontSize: 18 }}>{panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
  if (panel.type === 'timeseries') {
    return <TimeSeries frames={frames} width={width} height={height} timeRange={timeRange as any} timeZone="utc" legend={{ ...panel.options.legend, calcs: [], displayMode: 'list' } as any} />;
  }
  if (panel.type === 'table') {
    const sort = (panel.options?.sortBy ?? []).map((by: any) => ({ displayName: by.displayName, desc: by.desc }));
    return <Table data={frames[0]} width={width} height={height} initialSortBy={sort} columnMinWidth={60} />;
  }
  if (panel.type === 'state-timeline' || panel.type === 'status-history') return <Cells frames={frames} width={width} height={height} />;
  const values = getFieldDisplayValues({
    fieldConfig: { defaults: { color: { mode: 'thresholds' }, ...clean(panel.fieldConfig?.defaults ?? {}) }, overrides: clean(panel.fieldConfig?.overrides ?? []) },
    reduceOptions: panel.options?.reduceOptions ?? { calcs: ['lastNotNull'] },
    replaceVariables: (text: string) => text,
    theme,
    data: frames,
    sparkline: false,
    timeZone: 'utc',
  } as any);
  if (panel.type === 'bargauge') {
    const each = Math.min(28, height / values.length);
    return <div>{values.map((value: any, index: number) => <BarGauge key={index} theme={theme} width={width} height={each - 2} field={value.field} display={value.view?.getFieldDisplayProcessor?.(value.colIndex)} value={value.display} orientation={'horizontal' as any} displayMode={'basic' as any} showUnfilled />)}</div>;
  }
  const each = width / values.length;
  return <div style={{ display: 'flex' }}>{values.map((value: any, index: number) => <BigValue key={index} theme={theme} width={each} height={height} value={value.display} colorMode={'background_solid' as any} graphMode={'none' as any} justifyMode={'auto' as any} textMode={(panel.options?.textMode ?? 'auto') as any} />)}</div>;
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
  return (
    <div style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary, width: 1616, minHeight: bottom * ROW + 60, position: 'relative', font: '14px Inter, "DejaVu Sans", sans-serif' }}>
      <div style={{ padding: '12px 16px', fontSize: 18 }}>{board.title} <span style={{ color: theme.colors.text.secondary, fontSize: 13 }}>{board.description} (preview)</span></div>
      {panels.map(({ panel, frames }) => {
        const { x, y, w, h } = panel.gridPos;
        const width = w * COLUMN - GAP;
        const height = h * ROW - GAP;
        const place = { position: 'absolute' as const, left: x * COLUMN + 8, top: y * ROW + 52, width, height };
        if (panel.type === 'row') return <div key={panel.id} style={{ ...place, height: ROW - GAP, fontWeight: 500, paddingTop: 4 }}>{panel.title}</div>;
        return (
          <div key={panel.id} data-panel={panel.title} style={{ ...place, background: theme.colors.background.primary, border: `1px solid ${theme.colors.border.weak}`, borderRadius: 2, overflow: 'hidden' }}>
            <div style={{ padding: '4px 8px', fontWeight: 500, height: 28 }}>{panel.title}</div>
            <div style={{ padding: '0 4px' }}><Guard><Body panel={panel} frames={frames} width={width - 10} height={height - 34} /></Guard></div>
          </div>
        );
      })}
    </div>
  );
}

(async () => {
  const flat = board.panels.flatMap((panel: any) => [panel, ...(panel.panels ?? [])]);
  const panels = [];
  for (const panel of flat) panels.push({ panel, frames: panel.type === 'row' ? [] : await prepared(panel) });
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme as any}><Board panels={panels} /></ThemeContext.Provider>
  );
  window.RENDERED = true;
})().catch((error) => {
  document.body.textContent = `preview failed: ${error.stack}`;
});

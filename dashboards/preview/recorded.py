"""What recording rules would have written, and which alerts would have been firing, over a past that was loaded.

Rules are evaluated at the moments of the written samples only: between them there are none to be found. Rules that read what others
record come a level later. It never evaluates anything itself: the server does, and its answers become OpenMetrics text.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import promql_parser as promql
import yaml

from .servers import RULE_FILES, Prometheus, blocks

HOUR, DAY = 3600, 86400
DEPTHS = ((30 * DAY, 2 * HOUR), (2 * DAY, 1200), (6 * HOUR, 120))
"""(seconds of the past that are covered, step), coarse to fine; each step divides the one before.

Two days of the middle one: boards that show one compare with the day before.
"""
LOOKBACK_SECONDS = 300

Rule = Mapping[str, Any]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Moments of one step: Unix seconds of the first and of the last, both multiples of `step`."""

    start: int
    end: int
    step: int

    def moments(self) -> range:
        """All of them, oldest first."""
        return range(self.start, self.end + 1, self.step)


def spans(now: float, depths: Sequence[tuple[int, int]] = DEPTHS) -> list[Span]:
    """The past as stretches that do not overlap, coarse to fine, the last one up to `now`; every moment is a multiple of its step.

    Raises ValueError where a step is no multiple of the next one, so that the seams would not meet.
    """
    if any(coarse % fine for (_, coarse), (_, fine) in pairwise(depths)):
        raise ValueError(f"each step must divide the one before: {depths}")
    # A seam is a multiple of the coarser step on its left, and so of both.
    coarser = [depths[0][1], *(step for _, step in depths[:-1])]
    starts = [int((now - reach) // left * left) for (reach, _), left in zip(depths, coarser, strict=True)]
    ends = [*(start - 1 for start in starts[1:]), now]
    return [
        Span(start=start, end=int(end // step * step), step=step)
        for start, end, (_, step) in zip(starts, ends, depths, strict=True)
    ]


def step_for(seconds: float, depths: Sequence[tuple[int, int]] = DEPTHS) -> int:
    """The step at which a range this long meets samples wherever it asks, some 700 moments at most as Grafana would.

    Prometheus looks five minutes back: where samples lie closer than that, any step does.
    """
    step = next((step for reach, step in reversed(depths) if seconds <= reach), depths[0][1])
    return step if step > LOOKBACK_SECONDS else max(15, int(seconds / 720))


def named_in(expression: str) -> set[str]:
    """Names of all series that an expression selects."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, promql.VectorSelector):
            if node.name:
                yield node.name
        elif isinstance(node, promql.MatrixSelector):
            yield from walk(node.vector_selector)
        elif isinstance(node, promql.BinaryExpr):
            yield from walk(node.lhs)
            yield from walk(node.rhs)
        elif isinstance(node, promql.Call):
            for argument in node.args:
                yield from walk(argument)
        elif isinstance(
            node, (promql.AggregateExpr, promql.ParenExpr, promql.UnaryExpr, promql.SubqueryExpr)
        ):
            yield from walk(node.expr)

    return set(walk(promql.parse(expression)))


def groups(files: Iterable[str] = RULE_FILES) -> list[Mapping[str, Any]]:
    """Every group of rules of these files, in order."""
    contents = (yaml.safe_load(Path(file).read_text(encoding="utf-8")) for file in files)
    return [group for content in contents for group in content["groups"]]


def rules(files: Iterable[str] = RULE_FILES) -> list[Rule]:
    """Every rule of these files, in order."""
    return [rule for group in groups(files) for rule in group["rules"]]


def hourly() -> set[str]:
    """What groups record that are evaluated each hour, of what was recorded in between."""
    return {rule["record"] for group in groups() if group.get("interval") == "1h" for rule in group["rules"]}


def levels(recording: Sequence[Rule]) -> list[list[Rule]]:
    """The rules in the order of their needs: each level reads only what samples and earlier levels hold.

    Raises ValueError where rules need each other.
    """
    needs: dict[str, set[str]] = {}
    for rule in recording:
        needs.setdefault(rule["record"], set()).update(named_in(rule["expr"]))
    made: set[str] = set()
    found: list[list[Rule]] = []
    while missing := needs.keys() - made:
        ready = {name for name in missing if not needs[name] & missing}
        if not ready:
            raise ValueError(f"these rules need each other: {', '.join(sorted(missing))}")
        found.append([rule for rule in recording if rule["record"] in ready])
        made |= ready
    return found


def line(name: str, labels: Iterable[tuple[str, str]], value: str, at: float) -> str:
    """One sample as OpenMetrics text."""
    quoted = ",".join(
        f'{key}="{text}"'
        for key, text in (
            (key, text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for key, text in labels
        )
    )
    return f"{name}{{{quoted}}} {value} {at:.3f}\n"


def _results(
    server: Prometheus, expression: str, span: Span
) -> Iterator[tuple[Labels, list[tuple[float, str]]]]:
    answer = server.ask("query_range", query=expression, start=span.start, end=span.end, step=span.step)
    for found in answer["result"]:
        labels = {key: text for key, text in found["metric"].items() if key != "__name__"}
        yield tuple(sorted(labels.items())), [(float(at), value) for at, value in found["values"]]


def _write_recorded(server: Prometheus, level: Sequence[Rule], past: Sequence[Span], to: TextIO) -> None:
    each_hour = [Span(start=-(-past[0].start // HOUR) * HOUR, end=past[-1].end // HOUR * HOUR, step=HOUR)]
    names = hourly()
    for rule in level:
        for span in each_hour if rule["record"] in names else past:
            for labels, samples in _results(server, rule["expr"], span):
                full = sorted({**dict(labels), **rule.get("labels", {})}.items())
                to.writelines(line(rule["record"], full, value, at) for at, value in samples)


def active_since(present: Iterable[float], past: Sequence[Span]) -> float | None:
    """Since when something has held that held at these moments, or None if it does not at the last one."""
    held = set(present)
    since: float | None = None
    for moment in reversed([moment for span in past for moment in span.moments()]):
        if moment not in held:
            break
        since = float(moment)
    return since


def _write_alerts(server: Prometheus, alerting: Sequence[Rule], past: Sequence[Span], to: TextIO) -> None:
    for rule in alerting:
        present: dict[Labels, set[float]] = {}
        for span in past:
            for labels, samples in _results(server, rule["expr"], span):
                present.setdefault(labels, set()).update(at for at, _ in samples)
        for labels, moments in present.items():
            if (since := active_since(moments, past)) is not None:
                full = sorted({**dict(labels), **rule["labels"], "alertname": rule["alert"]}.items())
                to.writelines(
                    line("ALERTS_FOR_STATE", full, f"{since:.0f}", at)
                    for at in past[-1].moments()
                    if at >= since
                )


def record_past(server: Prometheus, folder: Path, past: Sequence[Span]) -> dict[str, float]:
    """Add to a running server what its rules would have recorded, and since when alerts hold; gives seconds by stage.

    The server is restarted after every stage, since blocks are seen at a start. One that runs with
    `--rules.alert.for-grace-period=0s` takes the alerts over as its own.
    """
    everything = rules()
    stages: list[tuple[str, list[Rule]]] = [
        (f"recorded {number}", level)
        for number, level in enumerate(levels([rule for rule in everything if "record" in rule]), start=1)
    ]
    stages.append(("alerts", [rule for rule in everything if "alert" in rule]))
    took = {}
    for name, stage in stages:
        began = time.monotonic()
        text = folder / "rules.om"
        if any(rule.get("record") in hourly() for rule in stage):
            # Of an hour there is as little as one sample, which stands for all of it.
            server.restart(f"--query.lookback-delta={DEPTHS[0][1]}s")
        with text.open("w", encoding="utf-8") as to:
            (_write_alerts if name == "alerts" else _write_recorded)(server, stage, past, to)
            to.write("# EOF\n")
        blocks(text, server.storage)
        text.unlink()
        server.restart()
        took[name] = time.monotonic() - began
    return took

"""One metric family: its name, help, type and labels, and the pure function from facts to its rows.

The contract is checked twice: what is written in the table when the table is made (`Family`,
`checked_table`), and what the facts make of it row by row (`render`). A wrong table is a bug and stops the
program; a wrong row is dropped, counted and told, and never costs another row or the scrape.
"""

# mypy: disable-error-code=unreachable
# Rows are checked for what types forbid: one bad row must not take others with it.

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Literal

from dbs_exporter.facts.groups import Group, Subject
from dbs_exporter.facts.subjects import AccountSubject, Level, PlanSubject, RegionSubject, SubjectKey
from dbs_exporter.metrics.text import MetricType, escaped_label, format_value, header_lines

Row = tuple[tuple[str, ...], float]
"""(values of the family's own labels, value); the subject's identity labels are added when it is rendered."""

Refusal = Literal["duplicate", "labels", "value", "error"]
"""Why something was dropped: a series seen twice, wrong labels, no finite or infinite number, or the function
failed."""

OnRefused = Callable[[str, SubjectKey, Refusal, str], None]
"""Told (family, subject, reason, one sentence) for everything dropped; must not raise."""

IDENTITY: Mapping[Level, tuple[str, ...]] = {
    "plan": ("account", "region", "plan_id"),
    "region": ("account", "region"),
    "account": ("account",),
}

Part = str | Group[Any]
"""What a family may look at: a group of facts, or a field of the subject itself."""


_NAME = re.compile(r"dbs_[a-z][a-z0-9_]*[a-z0-9]")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED_SUFFIXES = ("_sum", "_count", "_bucket", "_created", "_gsum", "_gcount")
_RESERVED_LABELS = frozenset({"le", "quantile", "instance"})
_RESERVED_PREFIXES = ("dbs_exporter_", "dbs_scrape_", "dbs_process_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row of the catalogue; wrong names, labels or help raise ValueError when it is made.

    `what` says what a sample means, `source` which API operations and fields it is read from; `rows` takes
    the subject that `of` names and may not look at a clock. `reads` names what of the subject `rows` looks at,
    so that it is not asked again while that is the same; empty means anything.
    """

    name: str
    what: str
    source: str
    of: Level
    rows: Callable[[Any], Iterable[Row]]
    type: MetricType = "gauge"
    labels: tuple[str, ...] = ()
    reads: tuple[Part, ...] = ()
    _template: str = field(init=False, repr=False, compare=False)
    _arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ValueError(f"{self.name}: {problem}")
        labels = IDENTITY[self.of] + self.labels
        order = sorted(range(len(labels)), key=lambda at: labels[at])
        inside = ",".join(f'{labels[at]}="%s"' for at in order)
        object.__setattr__(self, "_template", f"{self.name}{{{inside}}} %s\n")
        object.__setattr__(self, "_arrange", itemgetter(*order, len(labels)))

    @property
    def help(self) -> str:
        """The HELP text: the meaning, the API operations and fields behind it, and that the value is
        polled."""
        return f"{self.what} ({self.source}; polled)."

    def header(self, *, openmetrics: bool) -> bytes:
        """Return the HELP and TYPE lines of one format."""
        return header_lines(self.name, self.help, self.type, openmetrics=openmetrics)

    def same(self, subject: Subject, before: Subject | None) -> bool:
        """Whether this family's rows of both subjects are known to be the same without asking for them."""
        if before is None or not self.reads:
            return False
        return all(_same(part, subject, before) for part in self.reads)

    def line(self, identity: tuple[str, ...], labels: Sequence[str], value: str) -> str:
        """Return one sample line of already escaped label values and an already formatted value."""
        return self._template % self._arrange((*identity, *labels, value))


def plan_family(
    name: str,
    what: str,
    source: str,
    rows: Callable[[PlanSubject], Iterable[Row]],
    *,
    labels: tuple[str, ...] = (),
    reads: tuple[Part, ...] = (),
    type: MetricType = "gauge",
) -> Family:
    """Return a family with one or more series per backup plan; see `Family`."""
    return Family(
        name=name, what=what, source=source, of="plan", rows=rows, labels=labels, reads=reads, type=type
    )


def region_family(
    name: str,
    what: str,
    source: str,
    rows: Callable[[RegionSubject], Iterable[Row]],
    *,
    labels: tuple[str, ...] = (),
    reads: tuple[Part, ...] = (),
) -> Family:
    """Return a family with one or more series per account and region; see `Family`."""
    return Family(name=name, what=what, source=source, of="region", rows=rows, labels=labels, reads=reads)


def account_family(
    name: str,
    what: str,
    source: str,
    rows: Callable[[AccountSubject], Iterable[Row]],
    *,
    labels: tuple[str, ...] = (),
    reads: tuple[Part, ...] = (),
) -> Family:
    """Return a family with one or more series per account; see `Family`."""
    return Family(name=name, what=what, source=source, of="account", rows=rows, labels=labels, reads=reads)


def with_reads(families: Iterable[Family], *parts: Part) -> tuple[Family, ...]:
    """Return the families as ones that look at nothing of their subject but these parts."""
    return tuple(replace(family, reads=parts) for family in families)


def _same(part: Part, subject: Subject, before: Subject) -> bool:
    """Return whether two subjects hold the same objects in a part; when a group was read does not count."""
    if isinstance(part, str):
        return getattr(subject, part) is getattr(before, part)
    known, other = subject.known(part), before.known(part)
    return known.facts is other.facts and known.tally is other.tally


def checked_table(families: Iterable[Family]) -> tuple[Family, ...]:
    """Return the families as one table; ValueError if two of them would share a name in either format."""
    table = tuple(families)
    taken: dict[str, str] = {}
    for family in table:
        base = family.name.removesuffix("_total")
        # OpenMetrics names a counter by its base and reserves base_created beside it.
        for name in {family.name, base, f"{base}_created"} if family.type == "counter" else {family.name}:
            if name in taken:
                raise ValueError(f"{family.name}: the name {name} already belongs to {taken[name]}")
            taken[name] = family.name
    return table


def render(
    families: Sequence[Family], key: SubjectKey, subject: Subject | None, on_refused: OnRefused
) -> list[bytes]:
    """Return the sample lines of one subject, one entry per family in their order (b"" where it has none).

    All families must be of the subject's kind. Rows keep the order in which the family gives them.
    """
    if subject is None:
        return [b""] * len(families)
    identity = _identity(key)
    return [_render_family(family, identity, key, subject, on_refused) for family in families]


def render_changed(
    families: Sequence[Family],
    key: SubjectKey,
    subject: Subject,
    before: Subject | None,
    on_refused: OnRefused,
) -> list[bytes | None]:
    """Return what `render` does, but None for families whose lines are as they were of `before`."""
    identity = _identity(key)
    same: dict[tuple[Part, ...], bool] = {}
    lines: list[bytes | None] = []
    for family in families:
        # Neighbours look at the same fields, which are compared once.
        known = same.get(family.reads)
        if known is None:
            known = same[family.reads] = family.same(subject, before)
        lines.append(None if known else _render_family(family, identity, key, subject, on_refused))
    return lines


def _identity(key: SubjectKey) -> tuple[str, ...]:
    return tuple(escaped_label(part) for part in key if part)


def _render_family(
    family: Family, identity: tuple[str, ...], key: SubjectKey, subject: Subject, on_refused: OnRefused
) -> bytes:
    try:
        rows = list(family.rows(subject))
    except Exception as failure:
        on_refused(family.name, key, "error", f"{type(failure).__name__}: {failure}")
        return b""
    if not rows:
        return b""
    expected = len(family.labels)
    lines: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        try:
            labels, value = row
            if len(labels) != expected or isinstance(labels, str):
                on_refused(family.name, key, "labels", f"{len(labels)} label values instead of {expected}")
                continue
            cleaned = tuple([escaped_label(label) for label in labels])
        except (TypeError, ValueError) as failure:
            on_refused(family.name, key, "labels", f"{row!r:.200}: {failure}")
            continue
        try:
            number = _ZERO_OR_ONE.get(value) if type(value) is int else None
            number = number or _number(value)
        except (TypeError, ValueError, OverflowError) as failure:
            on_refused(family.name, key, "value", f"{value!r:.200} is no value: {failure}")
            continue
        if cleaned in seen:
            on_refused(family.name, key, "duplicate", f"{labels!r:.200} is there twice; the first one stays")
            continue
        seen.add(cleaned)
        lines.append(family.line(identity, cleaned, number))
    return "".join(lines).encode()


_ZERO_OR_ONE = {0: "0.0", 1: "1.0"}
"""Most samples of status families, spared the formatting; only looked up with an int, since -0.0 equals 0."""


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        raise TypeError("not a number")
    number = float(value)
    if math.isnan(number):
        raise ValueError("what is not known must be absent, never NaN")
    return format_value(number)


def _problem(family: Family) -> str:
    """Say in one sentence what is wrong with a family, "" if nothing is."""
    name, labels = family.name, family.labels
    if not _NAME.fullmatch(name) or "__" in name:
        return "a name is dbs_ and lower-case words joined by single underscores"
    if name.startswith(_RESERVED_PREFIXES):
        return "this prefix belongs to the exporter's own metrics or to Prometheus"
    if name.endswith(_RESERVED_SUFFIXES):
        return f"the endings {', '.join(_RESERVED_SUFFIXES)} belong to histograms and summaries"
    if family.type not in ("gauge", "counter"):
        return "the type is gauge or counter"
    if (family.type == "counter") != name.endswith("_total"):
        return "a counter ends in _total, and nothing else does"
    if "timestamp" in name and not name.endswith("_timestamp_seconds"):
        return "a time ends in _timestamp_seconds"
    for text in (family.what, family.source):
        if not text.strip() or text != text.strip() or "\n" in text or text.endswith("."):
            return "meaning and source are each one line of text, without a full stop"
    taken = set(IDENTITY[family.of])
    for label in labels:
        if not _LABEL.fullmatch(label) or label in _RESERVED_LABELS:
            return f"{label!r} is no name for a label"
        if label in taken:
            return f"the label {label} is there twice"
        taken.add(label)
    return ""

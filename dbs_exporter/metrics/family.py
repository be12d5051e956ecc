"""A metric family: its name, help, type and labels, and the pure function from facts to its rows.

This module owns the contract of a family and checks it twice: when the table of families is built (`Family`,
`checked_table`), and for each row when it is rendered (`render`). A wrong table is a bug and stops the program. A wrong row
is dropped and reported to `on_refused`; it never costs another row or the scrape. Nothing here reads a clock or calls the
API.
"""

# mypy: disable-error-code=unreachable
# Rows are checked for what types forbid: one bad row must not take others with it.

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal

from dbs_exporter.facts.groups import Group, Subject
from dbs_exporter.facts.subjects import AccountSubject, Level, PlanSubject, RegionSubject, SubjectKey
from dbs_exporter.metrics.text import MetricType, escaped_label, format_value, header_lines

Row = tuple[tuple[str, ...], float]
"""(values of the family's own labels, value); rendering adds the labels that identify the subject."""

Refusal = Literal["duplicate", "labels", "value", "error"]
"""Why rows were dropped: a duplicate series, wrong labels, a value that is no number or NaN, or `rows` raised."""

OnRefused = Callable[[str, SubjectKey, Refusal, str], None]
"""Called with (family, subject, reason, problem as a sentence) for everything that is dropped; must not raise."""

IDENTITY: Mapping[Level, tuple[str, ...]] = {
    "plan": ("account", "region", "plan_id"),
    "region": ("account", "region"),
    "account": ("account",),
}

Part = str | Group[Any]
"""A part of a subject that a family may read: a group of facts, or a field of the subject itself."""


_NAME = re.compile(r"dbs_[a-z][a-z0-9_]*[a-z0-9]")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED_SUFFIXES = ("_sum", "_count", "_bucket", "_created", "_gsum", "_gcount")
_RESERVED_LABELS = frozenset({"le", "quantile", "instance"})
_RESERVED_PREFIXES = ("dbs_exporter_", "dbs_scrape_", "dbs_process_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric family. Raises ValueError if its name, labels or help break the rules.

    `what` says what a sample means, and `source` which API operations and fields it is read from. `rows` is a function of
    the subject that `of` names; it may not read a clock. `reads` lists the parts of the subject that `rows` reads, so that
    it is not called again while these are the same; empty means the whole subject. `is_state` says that of several rows the
    one with 1 holds and those with 0 do not.
    """

    name: str
    what: str
    source: str
    of: Level
    rows: Callable[[Any], Iterable[Row]]
    type: MetricType = "gauge"
    labels: tuple[str, ...] = ()
    reads: tuple[Part, ...] = ()
    is_state: bool = False
    _template: str = field(init=False, repr=False, compare=False)
    _arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ValueError(f"{self.name}: {problem}")
        labels = IDENTITY[self.of] + self.labels
        order = sorted(range(len(labels)), key=lambda position: labels[position])
        pairs = ",".join(f'{labels[position]}="%s"' for position in order)
        object.__setattr__(self, "_template", f"{self.name}{{{pairs}}} %s\n")
        object.__setattr__(self, "_arrange", itemgetter(*order, len(labels)))

    @property
    def help(self) -> str:
        """The HELP text: the meaning, its source in the API, and that the value is polled."""
        return f"{self.what} ({self.source}; polled)."

    def header(self, *, openmetrics: bool) -> bytes:
        """Return the HELP and TYPE lines in OpenMetrics or in the text format."""
        return header_lines(self.name, self.help, self.type, openmetrics=openmetrics)

    def is_unchanged(self, subject: Subject, before: Subject | None) -> bool:
        """Return whether the rows of both subjects are certainly the same, without calling `rows`."""
        if before is None or not self.reads:
            return False
        return all(_is_same(part, subject, before) for part in self.reads)


def plan_family(
    name: str,
    what: str,
    source: str,
    rows: Callable[[PlanSubject], Iterable[Row]],
    *,
    labels: tuple[str, ...] = (),
    reads: tuple[Part, ...] = (),
    type: MetricType = "gauge",
    is_state: bool = False,
) -> Family:
    """Return a family whose series belong to a backup plan; see `Family`."""
    return Family(
        name=name,
        what=what,
        source=source,
        of="plan",
        rows=rows,
        labels=labels,
        reads=reads,
        type=type,
        is_state=is_state,
    )


def region_family(
    name: str,
    what: str,
    source: str,
    rows: Callable[[RegionSubject], Iterable[Row]],
    *,
    labels: tuple[str, ...] = (),
    reads: tuple[Part, ...] = (),
    is_state: bool = False,
) -> Family:
    """Return a family whose series belong to a region of an account; see `Family`."""
    return Family(
        name=name,
        what=what,
        source=source,
        of="region",
        rows=rows,
        labels=labels,
        reads=reads,
        is_state=is_state,
    )


def account_family(
    name: str,
    what: str,
    source: str,
    rows: Callable[[AccountSubject], Iterable[Row]],
    *,
    labels: tuple[str, ...] = (),
    reads: tuple[Part, ...] = (),
) -> Family:
    """Return a family whose series belong to an account; see `Family`."""
    return Family(name=name, what=what, source=source, of="account", rows=rows, labels=labels, reads=reads)


def with_reads(families: Iterable[Family], *parts: Part) -> tuple[Family, ...]:
    """Return the families, `reads` set to these parts of the subject where a family has none of its own."""
    return tuple(replace(family, reads=family.reads or parts) for family in families)


def _is_same(part: Part, subject: Subject, before: Subject) -> bool:
    """Return whether a part of both subjects holds the same objects, whenever they were read."""
    if isinstance(part, str):
        return getattr(subject, part) is getattr(before, part)
    known, other = subject.known(part), before.known(part)
    return known.facts is other.facts and known.tally is other.tally


def checked_table(families: Iterable[Family]) -> tuple[Family, ...]:
    """Return the families as a table. Raises ValueError if two of them share a name in either format."""
    table = tuple(families)
    taken: dict[str, str] = {}
    for family in table:
        base = family.name.removesuffix("_total")
        # OpenMetrics names a counter without _total and reserves the same name with _created.
        for name in {family.name, base, f"{base}_created"} if family.type == "counter" else {family.name}:
            if name in taken:
                raise ValueError(f"{family.name}: the name {name} already belongs to {taken[name]}")
            taken[name] = family.name
    return table


def render(
    families: Sequence[Family], key: SubjectKey, subject: Subject | None, on_refused: OnRefused
) -> list[bytes]:
    """Return the sample lines of a subject, an entry per family in their order (b"" if it has no rows).

    All families must belong to the subject's level. Rows keep the order in which the family returns them.
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
    """Return the same as `render`, but None for each family whose lines are those of `before`."""
    if before is None:
        return [*render(families, key, subject, on_refused)]
    identity = _identity(key)
    unchanged: dict[tuple[Part, ...], bool] = {}
    lines: list[bytes | None] = []
    for family in families:
        # Many families read the same parts, which are compared only once.
        is_unchanged = unchanged.get(family.reads)
        if is_unchanged is None:
            is_unchanged = unchanged[family.reads] = family.is_unchanged(subject, before)
        lines.append(None if is_unchanged else _render_family(family, identity, key, subject, on_refused))
    return lines


def _identity(key: SubjectKey) -> tuple[str, ...]:
    return tuple(escaped_label(part) for part in key if part)


def _render_family(
    family: Family, identity: tuple[str, ...], key: SubjectKey, subject: Subject, on_refused: OnRefused
) -> bytes:
    try:
        rows = list(family.rows(subject))
    except Exception as error:
        on_refused(family.name, key, "error", f"{type(error).__name__}: {error}")
        return b""
    if not rows:
        return b""
    template, arrange, label_count = family._template, family._arrange, len(family.labels)
    lines: list[str] = []
    seen: set[tuple[str, ...]] = set()
    # This runs a million times when a large fleet is shown for the first time.
    for row in rows:
        try:
            labels, value = row
            escaped = () if labels == () else _escaped(labels)
            if len(escaped) != label_count:
                on_refused(family.name, key, "labels", f"{len(labels)} label values instead of {label_count}")
                continue
        except (TypeError, ValueError) as error:
            on_refused(family.name, key, "labels", f"{row!r:.200}: {error}")
            continue
        try:
            if type(value) is float and value == value:
                number = format_value(value)
            else:
                number = (_ZERO_OR_ONE.get(value) if type(value) is int else None) or _number(value)
        except (TypeError, ValueError, OverflowError) as error:
            on_refused(family.name, key, "value", f"{value!r:.200} is no value: {error}")
            continue
        if escaped in seen:
            on_refused(family.name, key, "duplicate", f"{labels!r:.200} is there twice; the first one stays")
            continue
        seen.add(escaped)
        lines.append(template % arrange((*identity, *escaped, number)))
    return "".join(lines).encode()


@lru_cache(maxsize=1024)
def _escaped(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return label values as they are written; most are the same few statuses. Raises TypeError for what is none."""
    if not isinstance(labels, tuple):
        raise TypeError(f"label values must be a tuple, not {type(labels).__name__}")
    return tuple([escaped_label(label) for label in labels])


_ZERO_OR_ONE = {0: "0.0", 1: "1.0"}
"""The values of most samples, already formatted; only looked up with an int, because -0.0 equals 0."""


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        raise TypeError("not a number")
    number = float(value)
    if math.isnan(number):
        raise ValueError("what is not known must be absent, never NaN")
    return format_value(number)


def _problem(family: Family) -> str:
    """Return what is wrong with a family as a sentence, "" if nothing is."""
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

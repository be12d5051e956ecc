"""The pages that /metrics serves: rendered off the event loop and replaced as a whole.

`update` only records that a subject changed, from any thread. `publish`, in a worker thread, renders the changed subjects,
compresses the leaves they are in, and replaces one immutable page per format. A scrape takes the page and sends its bytes,
which are kept as gzip only, for that is what Prometheus asks for; for others they are inflated while they are sent.
Families whose header lines are the same in both formats come first, as one body for both; counters, the exporter's own
metrics and `# EOF` follow in a tail for each format. This module never calls the API and knows no HTTP.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from dbs_exporter.clock import Clock
from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.subjects import Level, SubjectKey, level_of
from dbs_exporter.metrics.deflate import EMPTY, GZIP_HEADER, Checksum, combined, inflated_body
from dbs_exporter.metrics.family import Family, OnRefused, render_changed
from dbs_exporter.metrics.shelves import Lines, Segment, Shelves
from dbs_exporter.metrics.text import OPENMETRICS_CONTENT_TYPE, OPENMETRICS_END, TEXT_CONTENT_TYPE

TICK_SECONDS = 5.0
"""The maximum age of the exporter's own metrics while nothing else changes."""

REST_FACTOR = 40.0
"""The pause after a publish, in units of its duration: continuous change costs a fortieth of a CPU."""

LEAST_REST_SECONDS = 0.1
MOST_REST_SECONDS = 10.0
"""The same at most, for a change is to be seen at the next scrape; a publish that takes very long is followed by 4 times as much."""
LEAST_REST_FACTOR = 4.0

TIDY_SECONDS = 5.0
"""The least time between two calls of `tidy`."""

_APART_BYTES = 64 * 1024
"""A body of this size is sent without being copied to join what follows it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A complete page in one format, as gzip.

    The chunks are to be sent in order; together they have `gzip_length` bytes, and `identity_length` when they are inflated.
    """

    content_type: str
    gzip: tuple[bytes, ...]
    identity_length: int
    gzip_length: int
    series: int

    @property
    def identity(self) -> Iterator[bytes]:
        """Yield the page as it is without gzip, inflated anew for whoever asks."""
        return inflated_body(self.gzip)


OwnLines = Callable[[int, int], tuple[bytes, bytes]]
"""Returns the exporter's own metrics as text and as OpenMetrics without `# EOF`.

Called once per publish with the number of series and of bytes of the previous page; must not raise.
"""


class _Column:
    """A family on the page: its shelves, its header lines in both formats, its samples' checksum."""

    __slots__ = ("checksum", "headers", "index", "shelves")

    def __init__(self, family: Family, shelves: Shelves, index: int) -> None:
        self.shelves = shelves
        self.index = index
        self.headers = (
            _with_comments(family.header(openmetrics=False)),
            _with_comments(family.header(openmetrics=True)),
        )
        self.checksum = Checksum()

    @property
    def is_shared(self) -> bool:
        return self.headers[0] == self.headers[1]

    def segments(self) -> Iterator[Segment]:
        return self.shelves.segments(self.index)

    def refresh(self) -> bool:
        """Compute the checksum again if the samples changed since the last call; return whether they did."""
        if self.index not in self.shelves.changed:
            return False
        self.checksum = combined(segment.checksum for segment in self.segments())
        return True


def _with_comments(text: bytes) -> Lines:
    """Compress lines some of which may be comments."""
    return Lines.of(text, text.count(b"\n#") + text.startswith(b"#"))


_OPENMETRICS_END = _with_comments(OPENMETRICS_END)


@dataclass(frozen=True, slots=True)
class _Body:
    """Consecutive families in one format, assembled."""

    gzip: bytes = b""
    checksum: Checksum = EMPTY
    series: int = 0


class Exposition:
    """The pages of a table of families.

    `own` adds the exporter's own metrics, `on_refused` is called for dropped rows. `tidy` is called now and then after a
    publish, in the same thread: a page that was replaced leaves free memory in pieces of many sizes, which allocators keep
    rather than return.
    """

    def __init__(
        self,
        families: Sequence[Family],
        *,
        own: OwnLines | None = None,
        on_refused: OnRefused = lambda family, key, reason, sentence: None,
        tick_seconds: float = TICK_SECONDS,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        self._families: dict[Level, list[Family]] = {
            level: [family for family in families if family.of == level] for level in get_args(Level)
        }
        self._shelves = {level: Shelves(len(table)) for level, table in self._families.items()}
        columns = [
            _Column(family, self._shelves[family.of], self._families[family.of].index(family))
            for family in families
        ]
        self._shared = [column for column in columns if column.is_shared]
        self._separate = [column for column in columns if not column.is_shared]
        self._own = own
        self._on_refused = on_refused
        self._tick_seconds = tick_seconds
        self._tidy = tidy
        self._noted: dict[SubjectKey, Subject | None] = {}
        self._rendered: dict[SubjectKey, Subject] = {}
        """The subjects that the shelves were rendered from; a subject is missing if that is not certain."""
        self._noting = threading.Lock()
        self._publishing = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._last_begun = self._last_finished = 0
        self._body = _Body(gzip=GZIP_HEADER)
        self._pages = self._assembled((b"", b""))

    def update(self, key: SubjectKey, subject: Subject | None) -> None:
        """Record that a subject changed, or is gone (None).

        Cheap and thread-safe; of several calls for a key the last counts.
        """
        with self._noting:
            self._noted[key] = subject
        self._wake.set()

    def page(self, *, openmetrics: bool) -> Page:
        """Return the last published page; never wait."""
        return self._pages[openmetrics]

    def request_publish(self) -> int:
        """Request a publish that begins from now on; return its number, for `is_published`."""
        self._wake.set()
        return self._last_begun + 1

    def is_published(self, number: int) -> bool:
        """Return whether the page holds every change recorded before this number was requested."""
        return self._last_finished >= number

    def publish(self) -> None:
        """Render the recorded changes and replace both pages; for a worker thread, one call at a time.

        If this fails, the old pages stay and the changes are kept for the next call.
        """
        with self._publishing:
            self._last_begun += 1
            last = self._pages[False]
            # Before the facts: a run that the exporter's own metrics report as finished then has its facts on the same page.
            own = self._own(last.series, last.identity_length) if self._own else (b"", b"")
            with self._noting:
                noted, self._noted = self._noted, {}
            try:
                self._apply(noted)
                self._pages = self._assembled(own)
                self._last_finished = self._last_begun
            except BaseException:
                with self._noting:
                    self._noted = {**noted, **self._noted}
                raise

    def run(self, clock: Clock) -> None:
        """Publish on each change and at least every `tick_seconds`, until `close` or the clock is stopped.

        A change after a quiet time is published at once; then the loop pauses, as the constants say.
        """
        tidied_at = float("-inf")
        while True:
            self._wake.wait(self._tick_seconds)
            self._wake.clear()
            if self._closed:
                return
            began = clock.monotonic()
            try:
                self.publish()
            except Exception:
                _log.exception("the metrics could not be put together; the last page stays")
            took = clock.monotonic() - began
            if began - tidied_at >= TIDY_SECONDS:
                self._tidy()
                tidied_at = began
            if clock.sleep(_rest_seconds(took)):
                return

    def close(self) -> None:
        """End `run` at its next iteration."""
        self._closed = True
        self._wake.set()

    def _apply(self, noted: dict[SubjectKey, Subject | None]) -> None:
        # If a shelf fails half-way, it is not known what is on it, so the subjects are forgotten first.
        before = {key: self._rendered.pop(key, None) for key in noted}
        for level, shelves in self._shelves.items():
            keys = [key for key in noted if level_of(key) == level]
            families = self._families[level]

            def lines(key: SubjectKey, families: list[Family] = families) -> list[bytes | None] | None:
                subject = noted[key]
                if subject is None:
                    return None
                return render_changed(families, key, subject, before[key], self._on_refused)

            shelves.apply(keys, lines)
        self._rendered.update((key, subject) for key, subject in noted.items() if subject is not None)

    def _assembled(self, own: tuple[bytes, bytes]) -> tuple[Page, Page]:
        changed = [column.refresh() for column in self._shared]
        if any(changed):
            self._body = _body(self._shared, openmetrics=False, lead=GZIP_HEADER)
        for column in self._separate:
            column.refresh()
        for shelves in self._shelves.values():
            shelves.changed.clear()
        text, openmetrics = own
        return (
            self._page(TEXT_CONTENT_TYPE, _body(self._separate, openmetrics=False), _with_comments(text)),
            self._page(
                OPENMETRICS_CONTENT_TYPE,
                _body(self._separate, openmetrics=True),
                _with_comments(openmetrics),
                _OPENMETRICS_END,
            ),
        )

    def _page(self, content_type: str, tail: _Body, *ends: Lines) -> Page:
        checksum = combined((self._body.checksum, tail.checksum, *(end.checksum for end in ends)))
        last = b"".join([tail.gzip, *(end.piece for end in ends), checksum.gzip_trailer()])
        return Page(
            content_type=content_type,
            gzip=(self._body.gzip, last)
            if len(self._body.gzip) >= _APART_BYTES
            else (self._body.gzip + last,),
            identity_length=checksum.length,
            gzip_length=len(self._body.gzip) + len(last),
            series=self._body.series + tail.series + sum(end.series for end in ends),
        )


def _body(columns: Iterable[_Column], *, openmetrics: bool, lead: bytes = b"") -> _Body:
    """Assemble these families; one without samples has no header. `lead` precedes the compressed form."""
    pieces: list[bytes] = [lead]
    checksums: list[Checksum] = []
    series = 0
    for column in columns:
        if column.checksum.length:
            header = column.headers[openmetrics]
            pieces.append(header.piece)
            checksums += (header.checksum, column.checksum)
            for segment in column.segments():
                pieces += [leaf.piece for leaf in segment.leaves]
                series += segment.series
    return _Body(b"".join(pieces), combined(checksums), series)


def _rest_seconds(took: float) -> float:
    """Return how long to pause after a publish that took so many seconds."""
    usual = min(MOST_REST_SECONDS, REST_FACTOR * took)
    return max(LEAST_REST_SECONDS, usual, LEAST_REST_FACTOR * took)

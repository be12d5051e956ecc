"""How the API answers in one account and region, and so how many readings may try at a time, and of what.

Silence of one operation is no silence of all: what one collector cannot read must not keep the others from being read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dbs_exporter.errors import ApiError, BadCredentials, CredentialsError, Throttled

SILENCE = 2
"""So many readings in a row that were not answered are no accident."""
HOPELESS_AFTER = 8
"""After so many readings of a collector in a row to which the API did not answer, it is asked slowly."""
PAUSE_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Between two readings of a collector that gets no answer, and of all while credentials are dead."""
FORGIVE_SECONDS = 900.0
"""So often at most what failed of a collector is tried again because some of it could be read: the rest may be broken for good."""
_ALL = ""


@dataclass(slots=True)
class _Pause:
    number: int = 0
    until: float = float("-inf")

    def begin(self, now: float) -> None:
        self.until = now + PAUSE_SECONDS[min(self.number, len(PAUSE_SECONDS) - 1)]
        self.number += 1


@dataclass(slots=True)
class Health:
    """Readings in a row that were not answered, and until when nothing is asked. Times are monotonic seconds."""

    has_answered: bool = False
    _silent: Counter[str] = field(default_factory=Counter)
    """Collector -> its readings in a row that were not answered."""
    _in_a_row: list[str] = field(default_factory=list)
    """The collectors of all readings since the last answer."""
    _pauses: dict[str, _Pause] = field(default_factory=dict)
    _forgiven_at: dict[str, float] = field(default_factory=dict)

    @property
    def is_doubtful(self) -> bool:
        """Whether the last reading was not answered, or none yet."""
        return not self.has_answered or bool(self._in_a_row)

    @property
    def paused_until(self) -> float:
        """Until when nothing at all is asked."""
        return self._pauses[_ALL].until if _ALL in self._pauses else float("-inf")

    def places(self, concurrency: int) -> int:
        """Return how many readings may run at a time: one until one is answered, and once one was not."""
        return 1 if self.is_doubtful else concurrency

    def paused_for(self, collector: str, now: float) -> float:
        """Return in how many seconds a collector's plans may be asked about, 0 for now."""
        pause = self._pauses.get(collector)
        return max(0.0, pause.until - now) if pause is not None else 0.0

    def on_answer(self, collector: str, now: float) -> frozenset[str]:
        """Note that the API answered a reading; return the collectors whose silence that ends, so that what failed is tried anew."""
        ended: frozenset[str] = frozenset()
        if len(self._in_a_row) >= SILENCE and len(set(self._in_a_row)) > 1:
            ended = frozenset(self._in_a_row) | {collector}
        elif (
            self._silent[collector] >= SILENCE
            and now - self._forgiven_at.get(collector, float("-inf")) >= FORGIVE_SECONDS
        ):
            ended = frozenset({collector})
        self._forgiven_at |= dict.fromkeys(ended, now)
        self._in_a_row.clear()
        for name in {collector, _ALL, *ended}:
            self._silent.pop(name, None)
            self._pauses.pop(name, None)
        self.has_answered = True
        return ended

    def on_error(self, collector: str, error: BaseException, now: float) -> frozenset[str]:
        """Note what came instead of facts: an answer too, silence, or dead credentials. Returns what `on_answer` does."""
        hopeless = isinstance(error, BadCredentials | CredentialsError)
        if isinstance(error, Throttled) or (
            isinstance(error, ApiError) and not (hopeless or error.retryable)
        ):
            return self.on_answer(collector, now)
        if hopeless or isinstance(error, ApiError):
            self._silent[collector] += 1
            if len(self._in_a_row) < SILENCE or collector not in self._in_a_row:
                self._in_a_row.append(collector)
            if hopeless:
                self._pauses.setdefault(_ALL, _Pause()).begin(now)
            elif self._silent[collector] >= HOPELESS_AFTER:
                self._pauses.setdefault(collector, _Pause()).begin(now)
        return frozenset()

"""Which subjects an operation is refused for, and when it is worth asking again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dbs_exporter.clock import Clock

DENIED_RETRY_SECONDS = (60.0, 120.0, 240.0, 480.0, 960.0, 1800.0, 3600.0)
"""When an operation that was refused so many times in a row is asked again: one stray refusal costs little, a policy is not
hammered. What belongs to a whole region is one call, and asked each time."""

DENIED_PLANS_MEAN_ALL = 3
"""Refused for so many plans and granted for none, an operation is taken to be refused altogether."""


class Permission:
    """Which subjects an operation is refused for, and when to ask again; not thread-safe, `Outcomes` guards it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._denied: dict[str, float] = {}
        """Subject -> when it may be asked again, in monotonic seconds."""
        self._times: dict[str, int] = {}
        self._granted: set[str] = set()
        """Subjects whose last answer was no refusal: a policy may also be taken away."""

    def on_granted(self, subject: str) -> bool:
        """Note that the operation worked; True if it was taken to be refused altogether before."""
        ended = self.wholly_denied
        if ended:
            self._denied.clear()
            self._times.clear()
        self._granted.add(subject)
        self._denied.pop(subject, None)
        self._times.pop(subject, None)
        return ended

    def on_denied(self, subject: str) -> bool:
        """Note that the operation was refused; True if that is news."""
        news = subject not in self._denied
        self._granted.discard(subject)
        times = self._times.get(subject, 0)
        self._times[subject] = times + 1
        wait = DENIED_RETRY_SECONDS[min(times, len(DENIED_RETRY_SECONDS) - 1)] if subject else 0.0
        self._denied[subject] = self._clock.monotonic() + wait
        return news

    @property
    def wholly_denied(self) -> bool:
        """Whether nobody is granted the operation and several are refused it."""
        return not self._granted and len(self._denied) >= DENIED_PLANS_MEAN_ALL

    def retry_after(self, subject: str) -> float:
        """Return in how many seconds a subject may be asked about, 0 for now.

        While the operation is refused altogether, all wait for the last one that was asked.
        """
        now = self._clock.monotonic()
        if self.wholly_denied:
            return max(0.0, max(self._denied.values()) - now)
        return max(0.0, self._denied.get(subject, now) - now)

    def ask_again(self) -> None:
        """Let everything that was refused be asked about at once: somebody may have mended it."""
        self._times.clear()
        self._denied = dict.fromkeys(self._denied, self._clock.monotonic())

    def refused_of(self, subjects: Iterable[str]) -> int:
        """Return how many of the subjects are refused."""
        present = list(subjects)
        return len(present) if self.wholly_denied else sum(map(self.refuses, present))

    def refuses(self, subject: str) -> bool:
        """Return whether the last answer about a subject was a refusal."""
        return subject in self._denied

    def forget(self, subjects: set[str]) -> None:
        """Keep only these subjects."""
        self._denied = {subject: at for subject, at in self._denied.items() if subject in subjects}
        self._times = {subject: times for subject, times in self._times.items() if subject in subjects}
        self._granted &= subjects

    def denied(self) -> dict[str, tuple[int, float]]:
        """Return how many times in a row each subject was refused, and when it may be asked about again (Unix seconds)."""
        to_unix = self._clock.now() - self._clock.monotonic()
        return {
            subject: (self._times.get(subject, 0), round(at + to_unix, 3))
            for subject, at in self._denied.items()
        }

    def restore(self, denied: Mapping[str, tuple[int, float]], read: Iterable[str]) -> None:
        """Take over what another process was refused, and which subjects it could read."""
        to_unix = self._clock.now() - self._clock.monotonic()
        longest = self._clock.monotonic() + DENIED_RETRY_SECONDS[-1]
        self._times = {subject: times for subject, (times, _) in denied.items() if times}
        self._denied = {subject: min(at - to_unix, longest) for subject, (_, at) in denied.items()}
        self._granted = {subject for subject in read if subject not in denied}

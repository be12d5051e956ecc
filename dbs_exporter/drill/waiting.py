"""Waits for what the cloud does: asks again and again, until it ends, stands still for too long, or takes too long altogether."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from dbs_exporter.clock import Clock
from dbs_exporter.config.durations import format_duration
from dbs_exporter.errors import ApiError, CredentialsError, Denied

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30.0


class Interrupted(Exception):
    """The command is to end; what was begun goes on in the cloud."""


class TimedOut(Exception):
    """Something did not end in time; the message says what, and for how long it was waited."""


class Wait(Generic[T]):
    """Asks by `ask` until `is_over` of the answer.

    `still` is how long the answer may stay the same, `altogether` how long it may take at all, in seconds. What fails for the moment is
    asked again and counts as standing still; a refusal is raised.
    """

    def __init__(
        self,
        clock: Clock,
        what: str,
        ask: Callable[[], T],
        is_over: Callable[[T], bool],
        *,
        still: float,
        altogether: float,
        on_answer: Callable[[T], None] = lambda answer: None,
    ) -> None:
        self._clock = clock
        self._what = what
        self._ask = ask
        self._is_over = is_over
        self._still = still
        self._altogether = altogether
        self._on_answer = on_answer

    def run(self) -> T:
        """Return the answer that is over. Raises TimedOut, Interrupted, Denied and CredentialsError."""
        begun = moved = self._clock.monotonic()
        last: T | None = None
        failure: ApiError | None = None
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                answer = self._ask()
            except (Denied, CredentialsError):
                raise
            except ApiError as error:
                failure = error
            else:
                failure = None
                self._on_answer(answer)
                if self._is_over(answer):
                    return answer
                if answer != last:
                    last, moved = answer, self._clock.monotonic()
            now = self._clock.monotonic()
            because = f"; the last question failed: {failure}" if failure else ""
            if now - begun >= self._altogether:
                raise TimedOut(
                    f"{self._what} has not ended after {format_duration(self._altogether)}{because}"
                )
            if now - moved >= self._still:
                raise TimedOut(f"{self._what} has stood still for {format_duration(self._still)}{because}")
            if self._clock.sleep(pause):
                raise Interrupted
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

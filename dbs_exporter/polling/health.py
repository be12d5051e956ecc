"""How the API answers in one account and region, and so how many readings may try at a time."""

from __future__ import annotations

from dataclasses import dataclass

from dbs_exporter.errors import ApiError, BadCredentials, CredentialsError, Throttled

SILENCE = 2
"""So many readings in a row that were not answered are no accident."""
HOPELESS_AFTER = 8
"""After so many readings in a row to which the API did not answer, it is asked slowly."""
PAUSE_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Between two readings while credentials are dead or the API does not answer."""


@dataclass(slots=True)
class Health:
    """Readings in a row that were not answered, and until when nothing is asked, in monotonic seconds."""

    silent: int = 0
    pauses: int = 0
    paused_until: float = float("-inf")
    has_answered: bool = False

    @property
    def is_doubtful(self) -> bool:
        """Whether the last reading was not answered, or none yet."""
        return not self.has_answered or self.silent > 0

    def places(self, concurrency: int) -> int:
        """Return how many readings may run at a time: one until one is answered, and once one was not."""
        return 1 if self.is_doubtful else concurrency

    def on_answer(self) -> bool:
        """Note that the API answered; True if that ends a silence."""
        ends = self.silent >= SILENCE
        self.silent = self.pauses = 0
        self.paused_until = float("-inf")
        self.has_answered = True
        return ends

    def on_error(self, error: BaseException, now: float) -> bool:
        """Note what came instead of facts, at `now` in monotonic seconds: an answer too, silence, or dead credentials.

        True if it was an answer and ends a silence.
        """
        hopeless = isinstance(error, BadCredentials | CredentialsError)
        if isinstance(error, Throttled) or (
            isinstance(error, ApiError) and not (hopeless or error.retryable)
        ):
            return self.on_answer()
        if hopeless or isinstance(error, ApiError):
            self.silent += 1
            if hopeless or self.silent >= HOPELESS_AFTER:
                self.paused_until = now + PAUSE_SECONDS[min(self.pauses, len(PAUSE_SECONDS) - 1)]
                self.pauses += 1
        return False

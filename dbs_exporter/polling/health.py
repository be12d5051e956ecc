"""How the API answers in one account and region, and so how many readings may try at a time."""

from __future__ import annotations

from dataclasses import dataclass

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

    def places(self, concurrency: int) -> int:
        """Return how many readings may run at a time: one once a reading went unanswered, until one is answered."""
        return 1 if self.silent or self.pauses else concurrency

    def on_answer(self) -> bool:
        """Note that the API answered; True if nothing was asked for a while because it had not."""
        was_paused = self.pauses > 0
        self.silent = self.pauses = 0
        self.paused_until = float("-inf")
        return was_paused

    def on_silence(self, now: float, *, hopeless: bool) -> None:
        """Note that it did not answer, or that there are no credentials to ask with (`hopeless`)."""
        self.silent += 1
        if hopeless or self.silent >= HOPELESS_AFTER:
            self.paused_until = now + PAUSE_SECONDS[min(self.pauses, len(PAUSE_SECONDS) - 1)]
            self.pauses += 1

"""Whom a run of drills talks to while it runs. The commands print it; tests keep it."""

from __future__ import annotations

from typing import Protocol

from dbs_exporter.drill.results import DrillCall


class Listener(Protocol):
    """Takes what happens; nothing of it holds a password."""

    def on_line(self, line: str) -> None:
        """Take a sentence for people."""
        ...

    def on_call(self, call: DrillCall) -> None:
        """Take a call that changes something, before it is made or in place of it."""
        ...

    def on_progress(self, subject: str, stages: tuple[tuple[str, float], ...]) -> None:
        """Take how far each stage of a restore has come, from 0 to 1; the same again if nothing has moved."""
        ...

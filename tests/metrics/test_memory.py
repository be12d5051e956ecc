"""Giving memory back to the system."""

from __future__ import annotations

import ctypes
import sys

import pytest

from dbs_exporter.metrics.memory import trim_memory


def test_giving_memory_back_is_always_possible() -> None:
    """Where the C library knows nothing of it, nothing happens; what is in use is not touched."""
    kept = [bytes(1000) for _ in range(1000)]
    trim_memory()

    assert kept == [bytes(1000)] * 1000


def test_elsewhere_than_on_linux_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another system's C library is not even loaded."""
    monkeypatch.setattr(sys, "platform", "darwin")
    loaded: list[object] = []
    monkeypatch.setattr(ctypes, "CDLL", loaded.append)
    trim_memory()

    assert loaded == []

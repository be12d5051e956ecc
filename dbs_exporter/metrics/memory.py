"""Giving memory back to the system: what the allocator would otherwise hold for ever. Knows nothing of what it held."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return free memory to the system, where the C library can (glibc); elsewhere do nothing.

    Other threads go on meanwhile. Every publish of a large fleet that changes replaces large texts between small facts that stay,
    and the holes are too many to be used again.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

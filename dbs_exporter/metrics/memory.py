"""Returns free memory to the operating system. It knows nothing of what used the memory."""

from __future__ import annotations

import ctypes
import sys


def trim_memory() -> None:
    """Return free memory to the operating system if the C library can (glibc); do nothing elsewhere.

    Other threads go on meanwhile. Each publish of a large fleet frees large texts that lie between small facts which stay, and
    the allocator does not use all of these holes again.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

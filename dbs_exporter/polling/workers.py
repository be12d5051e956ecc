"""The threads that read: a few per account and region, shared fairly between collectors.

Tasks of different collectors take turns, so that ten thousand plans of one do not keep a gateway's heartbeat waiting; and of
several threads one is always left for the others, so that a collector that hangs does not hold up the rest.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

Task = Callable[[], None]

_log = logging.getLogger(__name__)


class Workers:
    """`count` threads that carry out tasks by collector; one that raises is logged. `close()` drops what has not begun."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._most = max(1, count - 1) if count > 1 else 1
        self._waiting: OrderedDict[str, deque[Task]] = OrderedDict()
        self._active: dict[str, int] = {}
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._queued = 0
        self._closed = False
        self._changed = threading.Condition()

    def submit(self, collector: str, task: Task) -> None:
        """Queue a task; after `close()` it is dropped."""
        with self._changed:
            if self._closed:
                return
            self._waiting.setdefault(collector, deque()).append(task)
            self._queued += 1
            # A thread that was woken still counts as idle until it runs, so idle ones are weighed against all that waits.
            if self._queued > self._idle and len(self._threads) < self._count:
                name = f"{self._name}-{len(self._threads) + 1}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Drop what waits and let the threads end after what they do now."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._queued = 0
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait that long at most for each thread to end."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(seconds)

    def _next(self) -> tuple[str, Task] | None:
        for collector, tasks in self._waiting.items():
            if self._active.get(collector, 0) < self._most:
                task = tasks.popleft()
                self._queued -= 1
                # To the end of the round; away if nothing waits.
                self._waiting.move_to_end(collector)
                if not tasks:
                    del self._waiting[collector]
                return collector, task
        return None

    def _work(self) -> None:
        while True:
            with self._changed:
                while True:
                    if self._closed:
                        return
                    found = self._next()
                    if found is not None:
                        break
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                collector, task = found
                self._active[collector] = self._active.get(collector, 0) + 1
            try:
                task()
            except BaseException:
                # Nobody waits for this thread's word, and with it gone a place would be lost without a sign.
                _log.exception("a task broke", extra={"collector": collector})
            finally:
                with self._changed:
                    self._active[collector] -= 1
                    self._changed.notify()

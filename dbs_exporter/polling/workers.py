"""The threads that read, shared by all accounts and regions. They carry out what they are given and decide nothing."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

Task = Callable[[], None]

MOST_THREADS = 56
"""With those that serve, publish and watch, fewer than 64 in a process."""

_log = logging.getLogger(__name__)


class Workers:
    """At most `most` threads, started as they are needed; a task that raises is logged."""

    def __init__(self, most: int = MOST_THREADS) -> None:
        self.most = most
        self._tasks: deque[Task] = deque()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False
        self._changed = threading.Condition()

    def start(self) -> None:
        """Start the first thread. Raises RuntimeError if the system gives none, so that this is found out at the start."""
        with self._changed:
            if not self._threads:
                self._start()

    def submit(self, task: Task) -> None:
        """Have a task carried out; after `close()` it is dropped."""
        with self._changed:
            if self._closed:
                return
            self._tasks.append(task)
            # A thread that was woken still counts as idle until it runs, so idle ones are weighed against all that waits.
            if len(self._tasks) > self._idle and len(self._threads) < self.most:
                self._start()
            self._changed.notify()

    def close(self) -> None:
        """Drop what waits, and let the threads end after what they do now."""
        with self._changed:
            self._closed = True
            self._tasks.clear()
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until all threads have ended, so many seconds in all at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._threads, timeout=seconds)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"reader-{len(self._threads) + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more threads; those there are must do.
            if not self._threads:
                raise
            self.most = len(self._threads)
            _log.warning("the system allows no more than %d threads", self.most)
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._closed or self._tasks)
                self._idle -= 1
                if self._closed:
                    self._threads.remove(threading.current_thread())
                    self._changed.notify_all()
                    return
                task = self._tasks.popleft()
            try:
                task()
            except BaseException:
                # SystemExit too: in a thread nobody would hear of it, and with the thread a place would be lost.
                _log.exception("a task broke")

"""A page that is followed: its commands run in order in one shell, its files are written, and what it says is seen is looked for."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Command:
    """A command line of a page, and the lines that the page shows below it."""

    line: str
    shown: tuple[str, ...]


@dataclass(frozen=True)
class File:
    """A file that a page says to write: a block whose first line is a comment with its name."""

    name: str
    text: str


def steps(page: str) -> Iterator[Command | File]:
    """Yield the commands (`$ …` in blocks of `console`) and the files of a page, in its order."""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, *shown = part.splitlines()
                yield Command(line, tuple(shown))
        elif named := re.match(r"# (\S+\.\w+)\n", block):
            yield File(named[1], block)


def is_shown(expected: str, output: str) -> bool:
    """Whether a line of the output is the expected one, in which … stands for anything."""
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.search(f"^{pattern}$", output, re.MULTILINE) is not None


class Shell:
    """A bash whose commands follow one another; programs that go on running run until it is closed."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, typed: str) -> None:
        """`typed` is what somebody would type where a command asks."""
        self.folder = folder
        self._typed = folder / "typed"
        self._typed.write_text(typed, encoding="utf-8")
        self._number = 0
        self._running: list[str] = []
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _output(self) -> Path:
        self._number += 1
        file = self.folder / f"output-{self._number}"
        file.touch()
        return file

    def _say(self, text: str) -> str:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(text)
        self._bash.stdin.flush()
        return self._bash.stdout.readline().strip()

    def run(self, line: str) -> tuple[int, str]:
        """Run a command to its end; gives its exit code and what it said."""
        output = self._output()
        code = self._say(f"{{ {line}\n}} >{output} 2>&1 <{self._typed}\necho $?\n")
        return int(code), output.read_text(encoding="utf-8")

    def start(self, line: str) -> Path:
        """Start a program that goes on running; gives the file of what it says."""
        output = self._output()
        self._running.append(self._say(f"{line} >{output} 2>&1 </dev/null &\necho $!\n"))
        return output

    def change(self, name: str, changes: Mapping[str, str]) -> None:
        """Replace parts of a file in the folder where the shell stands; each must be there."""
        file = Path(self._say("pwd\n")) / name
        text = file.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, f"{old} does not stand in {name}"
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file in the folder where the shell stands."""
        (Path(self._say("pwd\n")) / name).write_text(text, encoding="utf-8")

    def close(self) -> None:
        """End what runs, and the shell."""
        self._bash.communicate("".join(f"kill {pid}\n" for pid in self._running) + "wait\n", timeout=60)


def eventually(what: str, seen: Iterator[str], expected: tuple[str, ...]) -> None:
    """Take outputs until one has every expected line."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    for output in seen:
        missing = [line for line in expected if not is_shown(line, output)]
        if not missing:
            return
        assert time.monotonic() < deadline, f"{what}: not shown: {missing}; it said:\n{output}"
        pause.wait(0.2)

"""Secrets from the configuration, or from files that are read again when they change. No repr holds one."""

from __future__ import annotations

from pathlib import Path

from dbs_exporter.api.credentials.types import CredentialSettings


class SecretText:
    """A value from the configuration, or the content of a file that is read again when it changes."""

    def __init__(self, value: str = "", path: Path | None = None) -> None:
        self._value = value
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"SecretText(path={self._path})" if self._path else "SecretText()"

    def read(self) -> str:
        """Give the value; raises OSError if its file cannot be read and ValueError if that is empty or not text."""
        if self._path is None:
            return self._value
        # stat follows links, so the swap by which Kubernetes replaces a mounted secret shows as another inode.
        found = self._path.stat()
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            value = self._path.read_text(encoding="utf-8").strip()
            if not value:
                raise ValueError("is empty")
            self._value, self._seen = value, seen
        return self._value


def secret_text(settings: CredentialSettings, name: str) -> SecretText:
    """Give a field of the configuration, or the file that stands for it."""
    path = getattr(settings, f"{name}_file", None)
    if path is not None:
        return SecretText(path=Path(path))
    value = getattr(settings, name, None)
    reveal = getattr(value, "get_secret_value", None)
    return SecretText(str(reveal() if reveal is not None else value or ""))


def text_of(settings: CredentialSettings | None, name: str) -> str:
    """Return a field of the settings as text, revealed if it is a secret; "" if it is not given."""
    value = getattr(settings, name, None)
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if reveal is not None else value or "")

"""Secrets from the configuration, or from files that are read again when they change.

No repr and no error of this module ever shows a secret.
"""

from __future__ import annotations

from pathlib import Path

from dbs_exporter.api.credentials.types import CredentialSettings, is_plain

MAX_SECRET_BYTES = 16_384


class SecretText:
    """A value of the configuration, or the content of a file that is read again when it changes."""

    def __init__(self, value: str = "", path: Path | None = None) -> None:
        self._value = value
        self._path = path
        self._version: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"SecretText(path={self._path})" if self._path else "SecretText()"

    def read(self) -> str:
        """Return the value. Raises ValueError, whose message names the file, if the file holds no secret."""
        if self._path is None:
            return self._value
        try:
            # stat follows links, so a mounted secret that Kubernetes replaces has another inode.
            stat = self._path.stat()
        except OSError as error:
            raise ValueError(f"the file {self._path} cannot be read: {error.strerror}") from None
        version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if version != self._version:
            self._value, self._version = read_secret_file(self._path), version
        return self._value


def read_secret_file(path: Path) -> str:
    """Return the secret in a file, without white space around it or a byte order mark before it.

    Raises ValueError, whose message names the file and never its content, if the file cannot be read, is empty, larger than
    MAX_SECRET_BYTES, not UTF-8, or holds characters that no secret has.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read: {error.strerror}") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"the file {path} is larger than {MAX_SECRET_BYTES} bytes, which no secret is")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        # Not the error's own message, which quotes the bytes.
        raise ValueError(f"the file {path} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"the file {path} is empty; write the secret into it")
    if len(text.splitlines()) > 1:
        raise ValueError(f"the file {path} has more than one line; it must hold the secret alone")
    if not is_plain(text):
        raise ValueError(
            f"the file {path} holds a space or another odd character; it must hold the secret alone"
        )
    return text


def secret_text(settings: CredentialSettings, name: str) -> SecretText:
    """Return a field of the settings, or the file that the settings name instead of it (`<name>_file`)."""
    path = getattr(settings, f"{name}_file", None)
    if path is not None:
        return SecretText(path=Path(path))
    value = getattr(settings, name, None)
    reveal = getattr(value, "get_secret_value", None)
    return SecretText(str(reveal() if reveal is not None else value or ""))


def text_of(settings: CredentialSettings | None, name: str) -> str:
    """Return a field of the settings as text, also if it is a secret; "" if it is not set."""
    value = getattr(settings, name, None)
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if reveal is not None else value or "")

"""Secrets from the configuration, or from files that are read again when they change. No repr holds one."""

from __future__ import annotations

from pathlib import Path

from dbs_exporter.api.credentials.types import CredentialSettings, is_plain

MAX_SECRET_BYTES = 16_384


class SecretText:
    """A value from the configuration, or the content of a file that is read again when it changes."""

    def __init__(self, value: str = "", path: Path | None = None) -> None:
        self._value = value
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"SecretText(path={self._path})" if self._path else "SecretText()"

    def read(self) -> str:
        """Return the value. Raises ValueError, with a sentence that names the file, if that holds no secret."""
        if self._path is None:
            return self._value
        try:
            # stat follows links, so the swap by which Kubernetes replaces a mounted secret shows as another inode.
            found = self._path.stat()
        except OSError as error:
            raise ValueError(f"the file {self._path} cannot be read: {error.strerror}") from None
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            self._value, self._seen = read_secret_file(self._path), seen
        return self._value


def read_secret_file(path: Path) -> str:
    """Return the one word of a file: white space around it and a byte order mark before it do not count.

    Raises ValueError, with a sentence that names the file and never its content, if it cannot be read, is empty, too large,
    no UTF-8, or holds anything that no secret holds.
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
        # Not the error's own words, which quote the bytes.
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
    """Return a field of the configuration, or the file that stands for it."""
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

"""The parameters of `dbs-exporter call`: from `Name=value`, from a file, or from standard input.

This module owns how a value is written, and keeps secrets off the command line, where everybody on the machine reads them. It
checks no value; `api.operations.parameters` does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dbs_exporter.api.operations.grammar import COMMON_PARAMETERS, Operation
from dbs_exporter.api.operations.registry import OPERATIONS

_MOST_BYTES = 1024 * 1024


def given_parameters(operation: Operation, arguments: Sequence[str]) -> dict[str, str]:
    """Return the parameters by name.

    A value is `@FILE` for the content of a file, `-` for standard input, or itself; `@@` begins a value with an @. A secret
    must come from a file or from standard input. Raises click.UsageError.
    """
    parameters: dict[str, str] = {}
    has_read_input = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name:
            raise click.UsageError(
                f"{_shown(argument)} is not a parameter; write Name=value, such as BackupPlanId=dbs1h6s7x"
            )
        if name in parameters:
            raise click.UsageError(f"{name} is given twice; leave one of them out")
        is_secret = name in operation.secret_parameters
        if value == "-":
            if has_read_input:
                raise click.UsageError(f"{name}: standard input is read already; give a file: {name}=@FILE")
            has_read_input = True
            value = _from_input(name, is_secret)
        elif value.startswith("@") and not value.startswith("@@"):
            value = _from_file(name, value[1:], is_secret)
        elif is_secret:
            raise click.UsageError(
                f"{name} would be seen by everybody on this machine; write {name}=@FILE for the content of a file, or"
                f" {name}=- for standard input"
            )
        else:
            value = value[1:] if value.startswith("@@") else value
        parameters[name] = value
    return parameters


def as_parameter(flag: str, arguments: Sequence[str]) -> str:
    """Return what to write instead of a flag that is the name of a parameter, "" if it is none.

    `arguments` are those of the command line, among which is the value.
    """
    wanted = flag.lstrip("-").replace("-", "").lower()
    name = next((name for name in sorted(_names()) if name.lower() == wanted), "")
    if not name:
        return ""
    value = ""
    for position, argument in enumerate(arguments):
        if argument == flag and position + 1 < len(arguments):
            value = arguments[position + 1]
        elif argument.startswith(f"{flag}="):
            value = argument.removeprefix(f"{flag}=")
    if name in _secret_names():
        return f"{name}=@FILE"
    if name == "RegionId":
        return f"--region={value or 'REGION'}"
    return f"{name}={value or 'VALUE'}"


def _names() -> set[str]:
    return {
        parameter.name
        for parameters in (COMMON_PARAMETERS, *(operation.parameters for operation in OPERATIONS.values()))
        for parameter in parameters
    }


def _secret_names() -> set[str]:
    return {name for operation in OPERATIONS.values() for name in operation.secret_parameters}


def _shown(argument: str) -> str:
    """Return an argument for a message; a word that may be a password is not repeated."""
    return repr(argument) if argument.isidentifier() or argument.startswith("-") else "one of the words"


def _from_input(name: str, is_secret: bool) -> str:
    if is_secret and sys.stdin.isatty():
        return str(click.prompt(name, hide_input=True, err=True))
    return _text(sys.stdin.buffer.read(_MOST_BYTES + 1), f"{name}: standard input", is_secret)


def _from_file(name: str, path: str, is_secret: bool) -> str:
    if not path:
        raise click.UsageError(f"{name}=@ names no file; write {name}=@FILE, or {name}=@@ for an @ itself")
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise click.UsageError(
            f"{name}: the file {path} cannot be read: {error.strerror}; write @@ for a value that begins with an @"
        ) from None
    return _text(content, f"{name}: the file {path}", is_secret)


def _text(content: bytes, where: str, is_secret: bool) -> str:
    """Return the content as text, without a byte order mark and without the line end at its end."""
    if len(content) > _MOST_BYTES:
        raise click.UsageError(f"{where} is larger than {_MOST_BYTES} bytes, which no parameter is")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Not the error's own message, which quotes the bytes.
        raise click.UsageError(f"{where} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise click.UsageError(f"{where} is empty")
    if is_secret and len(text.splitlines()) > 1:
        raise click.UsageError(f"{where} has more than one line; it must hold the secret alone")
    return text

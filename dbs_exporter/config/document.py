"""Reads a YAML file as plain values, with the line of every key, and replaces `${NAME}`.

This module owns reading and positions and knows no key of the configuration; `load` and `models` say what the values mean.
Sequences become tuples, which frozen models accept unchanged. No message of this module ever shows the value of a variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dbs_exporter.errors import ConfigError

KeyPath = tuple[str | int, ...]

MAX_FILE_BYTES = 1_048_576
# An alias may be used many times, and aliases of aliases multiply; this limits the size of the result.
_MAX_VALUES = 100_000
_MAX_DEPTH = 50
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True, kw_only=True)
class Document:
    """The content of a file; `values` is a tree of dict, tuple, str, int, float, bool and None."""

    name: str
    values: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
    """A text that came from a variable -> its spelling in the file. The text must never be printed."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    """(line, message) of each problem."""

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest key around it that the file has, counted from 1."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add_problem(self, path: KeyPath, message: str) -> None:
        """Add a problem of a key; texts that came from variables are replaced by their spelling in the file."""
        for text, spelled in sorted(self.resolved.items(), key=lambda pair: -len(pair[0])):
            message = message.replace(repr(text), repr(spelled))
            if len(text) > 3:
                message = message.replace(text, spelled)
        prefix = f"{format_key_path(path)}: " if path else ""
        self.problems.append((self.line(path), f"{prefix}{message}"))

    def raise_problems(self) -> None:
        """Raise a ConfigError with all problems, in the order of their lines, if there are any."""
        if self.problems:
            raise ConfigError(
                *(f"{self.name}:{line}: {message}" for line, message in sorted(set(self.problems)))
            )


def format_key_path(path: KeyPath) -> str:
    """Return the path of a key as people write it: `accounts[0].credentials.type`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(
    path: Path, environ: Mapping[str, str] | None = None, *, flag: str = "--config.file"
) -> Document:
    """Read a YAML file. Problems of keys are collected in the document, not raised.

    `${NAME}` is looked up in `environ`, by default the environment of the process. Raises ConfigError if the file cannot be
    read or is not a single YAML document.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}; give an existing file with {flag}"
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes, which no configuration needs")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
    return parse_document(text, str(path), os.environ if environ is None else environ)


def parse_document(text: str, name: str, environ: Mapping[str, str]) -> Document:
    """Return the document in a YAML text; messages call it `name`.

    Raises ConfigError if it is not a single YAML document.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise ConfigError(
            f"{name}:{line}: not YAML: {problem}; check indentation, colons and quotes there"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}:1: not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ConfigError(f"{name}:1: nested deeper than {_MAX_DEPTH} levels") from None
    document = Document(name=name)
    if node is not None:
        document.values = _Builder(document, environ).value(node, ())
    return document


class _Loader(yaml.SafeLoader):
    """PyYAML's loader with the YAML 1.2's scalars: `no` and `1:30` are texts."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own form)


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("merge", r"^(?:<<)$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class _Builder:
    """Turns the nodes of a document into values."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self._count = 0
        self._around: list[yaml.Node] = []
        """The lists and mappings that the present node lies in, also by way of aliases."""

    def value(self, node: yaml.Node, path: KeyPath) -> object:
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        self._weigh(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        self._around.append(node)
        items = tuple(self.value(item, (*path, index)) for index, item in enumerate(node.value))
        self._around.pop()
        return items

    def _weigh(self, node: yaml.Node) -> None:
        """Raise a ConfigError for a node that holds itself, or that is one too many."""
        line = node.start_mark.line + 1
        if any(node is outer for outer in self._around):
            raise ConfigError(
                f"{self._document.name}:{line}: an anchor (&name) holds its own alias (*name), which has no end;"
                " take the alias out"
            )
        self._count += 1
        if self._count > _MAX_VALUES or len(self._around) > _MAX_DEPTH:
            raise ConfigError(
                f"{self._document.name}:{line}: more values or levels than a"
                " configuration needs; look for aliases (*name) that repeat each other"
            )

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        self._around.append(node)
        mapping: dict[str, object] = {}
        merged: list[yaml.Node] = []
        first_lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.append(value_node)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.problems.append((line, "a key is a list or a mapping; keys are words"))
                continue
            key = str(key_node.value)
            if key in first_lines:
                self._document.lines[*path, key] = line
                self._document.add_problem(
                    (*path, key), f"given twice, first in line {first_lines[key]}; remove one of them"
                )
                continue
            first_lines[key] = line
            self._document.lines[*path, key] = line
            mapping[key] = self.value(value_node, (*path, key))
        for source in _merge_sources(merged):
            if not isinstance(source, yaml.MappingNode):
                self._document.add_problem(
                    path, "<< does not name a mapping; write <<: *name of an anchored mapping"
                )
                continue
            self._weigh(source)
            for key, value in self._mapping(source, path).items():
                mapping.setdefault(key, value)
        self._around.pop()
        return mapping

    def _scalar(self, node: yaml.Node, path: KeyPath) -> object:
        text = str(node.value)
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" if len(text) <= 18:
                return int(text)
            case "float" | "int":
                return float(text)
            case "str":
                return self._substituted(text, path)
            case tag:
                self._document.add_problem(
                    path, f"the YAML tag {tag!r} is not supported; write a plain value"
                )
                return text

    def _substituted(self, text: str, path: KeyPath) -> str:
        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name is None:
                return "${"
            if not _VARIABLE_NAME.fullmatch(name):
                self._document.add_problem(
                    path,
                    f"{match[0]!r} names no environment variable; write ${{NAME}},"
                    " or $${ for the characters",
                )
                return match[0]
            value = self._environ.get(name)
            if not value:
                state = "not set" if value is None else "empty"
                self._document.add_problem(
                    path, f"the environment variable {name} is {state}; set it, or give the value here"
                )
                return match[0]
            return value

        substituted = _VARIABLE.sub(replacement, text)
        if substituted != text and _VARIABLE.sub("", text) != substituted:
            self._document.resolved[substituted] = text
        return substituted


def _merge_sources(nodes: list[yaml.Node]) -> Iterator[yaml.Node]:
    for node in nodes:
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        else:
            yield node

"""YAML as values that remember where they stood: sane documents only, variables put in, anchors merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbs_exporter.config.document import MAX_FILE_BYTES, format_key_path, parse_document, read_document
from dbs_exporter.config.load import load_config, parse_config
from dbs_exporter.errors import ConfigError

ALIASES_OF_ALIASES = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(
    f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]" for last, name in zip("abcdef", "bcdefg", strict=True)
)
MERGES_OF_MERGES = "\n".join(["- &a0 {}", *(f"- &a{i + 1} {{<<: [*a{i}, *a{i}, *a{i}]}}" for i in range(40))])
OWN_ALIAS = "c.yml:2: an anchor (&name) holds its own alias (*name), which has no end; take the alias out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accounts: [", "c.yml:1: not YAML: while parsing a flow node"),
        ("accounts:\n  - name: a\n   regions: all", "c.yml:3: not YAML: while parsing a block"),
        ("a: 1\n---\nb: 2", "c.yml:2: not YAML: expected a single document"),
        ("a: \x00", "c.yml:1: not YAML: unacceptable character"),
        ("[" * 5000, "c.yml:1: nested deeper than 50 levels"),
        ("x" * 3 + ": " + "[" * 60 + "]" * 60, "c.yml:1: more values or levels than a configuration needs"),
        (ALIASES_OF_ALIASES, "look for aliases"),
        (MERGES_OF_MERGES, "look for aliases"),
        ("\na: &a\n  <<: *a", OWN_ALIAS),
        ("\na: &a [*a]", OWN_ALIAS),
        ("\na: &a {b: *a}", OWN_ALIAS),
        ("\na: &a\n  <<: [*a]\n  b: 1", OWN_ALIAS),
        ("\na: &a {b: [1, {<<: [{}, *a]}]}", OWN_ALIAS),
    ],
    ids=[
        "unfinished", "indentation", "two documents", "control", "very deep", "deep", "aliases of aliases",
        "merges of merges", "merges itself", "list in itself", "mapping in itself", "list merges itself",
        "merges itself deep inside",
    ],
)  # fmt: skip
def test_a_file_that_is_not_one_sane_document_is_told_its_line(text: str, message: str) -> None:
    """What cannot be read as YAML ends with one sentence, however hostile."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="c.yml", environ={})

    assert message in str(caught.value)


def test_variables_are_put_in_anywhere_and_can_be_escaped() -> None:
    """Part of a text may come from a variable; $${ is the characters themselves."""
    config = parse_config(
        "accounts: [{name: 'a-${X}-$${X}', regions: ['${R}']}]", environ={"X": "1", "R": "cn-hangzhou"}
    )

    assert config.accounts[0].name == "a-1-${X}"
    assert config.accounts[0].regions == ("cn-hangzhou",)


def test_anchors_and_merges_work_and_own_keys_win() -> None:
    """Accounts may share what they have in common."""
    config = parse_config(
        "accounts:\n- &common {name: a, regions: [cn-x], concurrency: 2}\n- {<<: *common, name: b}\n"
        "- {<<: [*common, {concurrency: 3, network: vpc}], name: c}\n",
        environ={},
    )

    assert [(each.name, each.concurrency, each.network) for each in config.accounts] == [
        ("a", 2, "public"), ("b", 2, "public"), ("c", 2, "vpc"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory; give an existing file with --config.file"),
        (b"\xff", ":1: not UTF-8; save the file as UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), f"larger than {MAX_FILE_BYTES} bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, not text, or absurdly large."""
    path = tmp_path / "c.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})

    assert message in str(caught.value)


def test_a_document_knows_the_line_of_every_key() -> None:
    """A key that is not there has the line of what is around it; the first line is 1."""
    document = parse_document("a:\n- b: 1\n  c: [x,\n   y]\nd: null\n", "c.yml", {})

    assert document.values == {"a": ({"b": 1, "c": ("x", "y")},), "d": None}
    assert [document.line(path) for path in [("a", 0, "c"), ("a", 0, "c", 1), ("a", 0, "z"), ("z",)]] == [
        3, 4, 2, 1,
    ]  # fmt: skip
    assert format_key_path(("a", 0, "c")) == "a[0].c"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("0x10", "0x10"),
        ("TRUE", True),
        ("-7", -7),
        ("1e3", 1000.0),
        ("~", None),
        ("9" * 30, float("9" * 30)),
    ],
)
def test_words_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    """No country becomes false and no time becomes a number of seconds."""
    found = parse_document(f"a: {text}", "c.yml", {}).values

    assert found == {"a": value}


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Some editors put one before the text."""
    path = tmp_path / "c.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read_document(path, {}).values == {"a": 1}

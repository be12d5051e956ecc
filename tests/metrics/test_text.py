"""The atoms of the text formats: numbers, label values and escapes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from dbs_exporter.metrics.text import (
    LABEL_VALUE_LIMIT,
    escaped_label,
    format_value,
    header_lines,
    label_value,
)


@given(st.floats() | st.integers(-(2**70), 2**70).map(float))
def test_numbers_are_written_as_prometheus_client_writes_them(value: float) -> None:
    """Every float, the infinities and NaN have the oracle's digits."""
    assert format_value(value) == floatToGoString(value)  # type: ignore[no-untyped-call]


@given(st.text(st.characters(codec=None, categories=["C", "L", "Z", "P", "S", "M", "N"]), max_size=300))
def test_a_label_value_is_bounded_and_can_be_sent(value: str) -> None:
    """Whatever the API says, the label is short, encodable, and free of control characters but the line
    feed."""
    cleaned = label_value(value)

    assert len(cleaned) <= LABEL_VALUE_LIMIT
    cleaned.encode()
    assert not any(each != "\n" and (each < " " or "\x7f" <= each <= "\x9f") for each in cleaned)
    assert label_value(cleaned) == cleaned


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=LABEL_VALUE_LIMIT))
def test_an_ordinary_label_value_is_left_alone(value: str) -> None:
    """Letters of any script, digits, punctuation and symbols stay as they are."""
    assert label_value(value) == value


@pytest.mark.parametrize(
    ("first", "second"),
    [("a\x00", "a\x01"), ("a" * 200 + "b", "a" * 200 + "c"), ("a\x00", "a\ufffd"), ("\ud800", "\udfff")],
)
def test_two_values_that_had_to_be_changed_stay_two(first: str, second: str) -> None:
    """Cleaning never makes one series of two."""
    assert label_value(first) != label_value(second)


@given(st.text())
def test_an_escaped_label_reads_back_as_the_label(value: str) -> None:
    """The short cut for harmless values and the long way agree; JSON's reader undoes the same three
    escapes."""
    escaped = escaped_label(value)

    assert json.loads(f'"{escaped}"', strict=False) == label_value(value)


def test_what_is_no_text_is_no_label() -> None:
    """It would be a bug of a family, and is told as one."""
    with pytest.raises(TypeError, match="must be str, not int"):
        escaped_label(7)  # type: ignore[arg-type]


def test_openmetrics_names_a_counter_by_its_base_and_escapes_quotes() -> None:
    """The older format does neither."""
    said = ("dbs_things_total", 'Things "seen"\\', "counter")

    assert header_lines(*said, openmetrics=False) == (  # type: ignore[arg-type]
        b'# HELP dbs_things_total Things "seen"\\\\\n# TYPE dbs_things_total counter\n'
    )
    assert header_lines(*said, openmetrics=True) == (  # type: ignore[arg-type]
        b'# HELP dbs_things Things \\"seen\\"\\\\\n# TYPE dbs_things counter\n'
    )

"""What a plan stores and has used, as the API tells it."""

from __future__ import annotations

from typing import Any

import pytest
from support.records import reader_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.billing import read_billing


def test_billing_in_bytes() -> None:
    """Sizes stay bytes; a free volume means something only where it is limited."""
    item = {"BuyChargeType": "PREPAY", "FullStorageSize": "12", "ContStorageSize": 34, "TotalFreeBytes": 5}
    limited = read_billing({"Item": item | {"IsFreeBytesUnlimited": False}}, reader_of())
    unlimited = read_billing({"Item": item | {"IsFreeBytesUnlimited": "true"}}, reader_of())

    assert (limited.full_storage_bytes, limited.log_storage_bytes, limited.free_bytes) == (12, 34, 5)
    assert unlimited.free_bytes is None


@pytest.mark.parametrize("answer", [{}, {"Item": ""}, {"Item": [{}, {}]}, {"Item": "free"}])
def test_billing_that_is_not_there(answer: dict[str, Any]) -> None:
    """An answer without the one object it is about cannot be understood."""
    with pytest.raises(BadAnswer) as caught:
        read_billing(answer, reader_of())

    assert caught.value.field == "Item"


@pytest.mark.parametrize("field", ["FullStorageSize", "BuyExpiredTimestamp", "BuySpec"])
def test_an_unreadable_field_costs_the_field(field: str) -> None:
    """The bill is read as if it were not there, and the field is told."""
    told = Told()
    item = {"BuyChargeType": "PREPAY", "ContStorageSize": 34}

    assert read_billing({"Item": {**item, field: [-1]}}, reader_of(told)) == read_billing(
        {"Item": item}, reader_of()
    )
    assert told.fields == [field]


def test_a_free_volume_that_may_be_without_limit_is_not_known() -> None:
    """Whether it means something is what cannot be read."""
    told = Told()
    item = {"TotalFreeBytes": 5, "IsFreeBytesUnlimited": "perhaps"}

    assert read_billing({"Item": item}, reader_of(told)).free_bytes is None
    assert told.fields == ["IsFreeBytesUnlimited"]

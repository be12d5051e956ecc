"""Which shard owns what."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.sharding import Shard, owner, parse_shard

REGIONS = [f"account-{number // 15}/region-{number % 15}" for number in range(4000)]
names = st.text(max_size=40)


@given(names, names, st.integers(1, 40))
def test_a_region_has_exactly_one_owner(account: str, region: str, total: int) -> None:
    """Of any number of shards exactly one reads a region of an account, with all its plans."""
    scope = Scope(account=account, region=region)
    owners = [index for index in range(total) if Shard(index=index, total=total).owns_region(scope)]

    assert len(owners) == 1


@pytest.mark.parametrize("total", [1, 2, 3, 7])
def test_one_more_shard_moves_only_its_own_share(total: int) -> None:
    """From N to N + 1 only regions of the new shard move, about 1/(N+1) of all."""
    before = [owner(region, total) for region in REGIONS]
    after = [owner(region, total + 1) for region in REGIONS]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]

    assert set(moved) == {total}
    assert 0.8 / (total + 1) < len(moved) / len(REGIONS) < 1.2 / (total + 1)


@given(names, st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_no_region_goes_unread_while_shards_disagree(region: str, totals: list[int]) -> None:
    """While each place of the highest number has an exporter, any region is read, whatever total the others go by."""
    total = len(totals)
    shards = [
        Shard(index=index, total=min(max(number, index + 1), total)) for index, number in enumerate(totals)
    ]

    assert any(shard.owns_region(Scope(account="prod", region=region)) for shard in shards)


def test_shards_carry_about_the_same() -> None:
    """No shard of five has more than a fifth above its fair share."""
    loads = [sum(owner(region, 5) == index for region in REGIONS) for index in range(5)]

    assert max(loads) < 1.2 * len(REGIONS) / 5


def test_the_regions_of_one_account_spread() -> None:
    """An account is not a shard's: each of its regions has a call quota of its own."""
    owners = {
        next(
            index
            for index in range(3)
            if Shard(index=index, total=3).owns_region(Scope(account="prod", region=f"region-{number}"))
        )
        for number in range(50)
    }

    assert owners == {0, 1, 2}


@pytest.mark.parametrize(("name", "index"), [("0", 0), ("2", 2), ("dbs-exporter-1", 1), ("a-b-2", 2)])
def test_a_pods_name_gives_its_shard(name: str, index: int) -> None:
    """The flag takes a number or a StatefulSet pod's name."""
    assert parse_shard(name, 3) == Shard(index=index, total=3)


@pytest.mark.parametrize(
    ("name", "total", "says"),
    [
        ("3", 3, "outside 0 to 2"),
        ("dbs-exporter", 3, "neither a number"),
        ("-1x", 3, "neither a number"),
        ("-1", 3, "neither a number"),
        ("٣", 4, "neither a number"),
        ("1", 1, "0 would be right"),
        ("0", 1_000_000, "1 to 1000"),
        ("0", 0, "--total-shards"),
    ],
)
def test_a_wrong_shard_is_refused_in_words(name: str, total: int, says: str) -> None:
    """A shard that cannot be says which flag is wrong."""
    with pytest.raises(ConfigError, match=says):
        parse_shard(name, total)


def test_each_shard_has_a_page() -> None:
    """The URL's `{shard}` is each one's number; without a URL no page is known, though there are as many."""
    assert parse_shard("1", 3, "https://dbs-{shard}.example/{shard}/").pages == tuple(
        f"https://dbs-{index}.example/{index}/" for index in range(3)
    )
    assert parse_shard("1", 3).pages == ("", "", "")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://dbs.example/", "is the same for all; https://dbs-{shard}.example/ would be right"),
        ("dbs-{shard}.example", "not an http or https URL"),
        ("javascript:{shard}", "not an http or https URL"),
        ("https://a:b@dbs-{shard}.example", "more than host and path"),
    ],
)
def test_a_url_that_leads_to_no_shard_is_refused(url: str, says: str) -> None:
    """It names the flag, and what would be right."""
    with pytest.raises(ConfigError, match=re.escape(says)) as raised:
        parse_shard("1", 3, url)

    assert str(raised.value).startswith("--shard-url: ")

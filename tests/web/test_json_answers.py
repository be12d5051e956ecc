"""The answers as JSON, made from the overview."""

from __future__ import annotations

from dbs_exporter.web.json_answers import status_answer
from dbs_exporter.web.page.overview import Snapshot, overview


def test_the_status_says_which_shard_it_is_of() -> None:
    """Its number from 0, how many there are, and the pages of all of them where they are known."""
    facts = overview(Snapshot(now=5000.0, plans=[], regions=[], collectors=[]))
    known = status_answer(facts, "1", 1, ("https://a/", "https://b/"))
    unknown = status_answer(facts, "1", 2, ("", "", ""))

    assert (known.shard, known.shards, known.shard_pages) == (1, 2, ["https://a/", "https://b/"])
    assert (unknown.shard, unknown.shards, unknown.shard_pages) == (2, 3, [])

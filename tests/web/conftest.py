"""A server that most tests of the web side ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.known_subjects import PLAN, REGION
from support.web import Web

from dbs_exporter.facts.subjects import key_of


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """A server with one plan and one region published."""
    web = Web()
    for subject in (PLAN, REGION):
        web.exposition.update(key_of(subject), subject)
    web.exposition.publish()
    with web.serving():
        yield web

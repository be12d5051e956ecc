"""Whatever a server or a proxy does, a call ends in time, within bounds, and in one true sentence."""

from __future__ import annotations

import tracemalloc

import pytest
from support.hostile_servers import HOSTILE, hostile_server

from dbs_exporter.api.client import Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import MAX_ANSWER_BYTES
from dbs_exporter.clock import SystemClock
from dbs_exporter.errors import ApiError
from dbs_exporter.facts.subjects import Scope

SECRET = "s3cr3t-never-to-be-seen"
SHORT_SECONDS = 0.25
"""How long an attempt may take whose end nothing else brings."""
PATIENCE_SECONDS = 30.0
"""How long any other may take, however busy the machine is."""
LATE = "no whole answer of {host} within 0.25 s"
BROKEN = "{host}: the connection broke off"

SENTENCES = {
    "silent": ("timeout", LATE),
    "drips its head": ("timeout", LATE),
    "drips header lines": ("timeout", LATE),
    "drips its body": ("timeout", LATE),
    "drips chunks": ("timeout", LATE),
    "chunks without end": ("bad_answer", "an answer above 16777216 bytes"),
    "a body without end": ("bad_answer", "an answer above 16777216 bytes"),
    "continues without end": ("timeout", LATE),
    "continues slowly without end": ("timeout", LATE),
    "20,000 headers": ("unreachable", BROKEN),
    "a header of a MiB": ("unreachable", BROKEN),
    "a gzip bomb": ("bad_answer", "an answer above 16777216 bytes"),
    "a torn gzip": ("bad_answer", "Content-Encoding: a gzip that ends early"),
    "gzip that is none": ("bad_answer", "Content-Encoding: not gzip"),
    "an encoding that was not asked for": (
        "bad_answer",
        "Content-Encoding: an encoding that was not asked for",
    ),
    "deep JSON": ("bad_answer", "not a JSON object"),
    "a number of a million digits": ("bad_answer", "not a JSON object"),
    "a key twice": ("bad_answer", "the answer names PageSize twice"),
    "a list": ("bad_answer", "not a JSON object"),
    "a text": ("bad_answer", "not a JSON object"),
    "nothing": ("bad_answer", "an empty answer"),
    "UTF-16": ("bad_answer", "not a JSON object"),
    "a page": ("bad_answer", "not a JSON object"),
    "a gateway's page": ("server_error", "HTTP 502 without an answer from DBS"),
    "a length that is too large": ("unreachable", BROKEN),
    "a length that is huge": ("bad_answer", "an answer above 16777216 bytes"),
    "a length that is too small": ("bad_answer", "not a JSON object"),
    "a chunk size of nonsense": ("unreachable", BROKEN),
    "a chunk that breaks off": ("unreachable", BROKEN),
    "closes at once": ("unreachable", BROKEN),
    "closes within its status": ("unreachable", BROKEN),
    "closes after its status": ("unreachable", "the connection broke off before the answer"),
    "no HTTP": ("unreachable", BROKEN),
    "bytes": ("unreachable", BROKEN),
    "sends elsewhere": ("bad_answer", "the endpoint sends elsewhere"),
    "sends to itself": ("bad_answer", "the endpoint sends elsewhere"),
    "asks to wait for centuries": ("throttled", "later"),
    "asks to wait until a date": ("throttled", "later"),
}
"""How a call ends, and what it says."""


class Source:
    """Credentials that do not change."""

    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret=SECRET)


@pytest.mark.parametrize("way", ["straight", "by a proxy"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_server_costs_one_attempt(kind: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind ends as its own outcome, in one sentence without secrets, within the memory of one answer."""
    calls: list[Call] = []
    clock = SystemClock()
    # Then there is no pause, and so no second attempt.
    clock.stop()
    outcome, sentence = SENTENCES[kind]
    seconds = SHORT_SECONDS if outcome == "timeout" else PATIENCE_SECONDS
    with hostile_server(kind) as server:
        endpoint, host = server.url, server.address
        if way == "by a proxy":
            endpoint, host = "http://dbs.invalid", f"dbs.invalid by way of the proxy {server.url}"
            monkeypatch.setenv("http_proxy", f"http://user:{SECRET}@{server.address}")
        client = Client(
            Scope(account="prod", region="cn-hangzhou"),
            endpoint,
            Source(),
            Pacer(1000, 1, clock),
            clock,
            seconds,
            calls.append,
        )
        if kind != "a gzip bomb":
            tracemalloc.start()
        with pytest.raises(ApiError) as raised:
            client.call("DescribeRegions", {}, within=seconds)
        most = tracemalloc.get_traced_memory()[1] if kind != "a gzip bomb" else 0
        tracemalloc.stop()
        client.close()

    assert [call.outcome for call in calls] == [outcome]
    assert sentence.format(host=host) in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert most < 4 * MAX_ANSWER_BYTES

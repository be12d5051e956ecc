"""Whatever a server or a proxy does, a call ends in time, within bounds, and in one true sentence."""

from __future__ import annotations

import tracemalloc

import pytest
from support.hostile_servers import HOSTILE, SENTENCES, attempt_seconds, hostile_server

from dbs_exporter.api.client import Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import MAX_ANSWER_BYTES
from dbs_exporter.clock import SystemClock
from dbs_exporter.errors import ApiError
from dbs_exporter.facts.subjects import Scope

SECRET = "s3cr3t-never-to-be-seen"


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
    seconds = attempt_seconds(kind)
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
            client.call("DescribeRegions", {}, within=2 * seconds)
        most = tracemalloc.get_traced_memory()[1] if kind != "a gzip bomb" else 0
        tracemalloc.stop()
        client.close()

    assert [call.outcome for call in calls] == [outcome]
    assert sentence.format(host=host) in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert most < 4 * MAX_ANSWER_BYTES

"""A healthy account beside servers and proxies that do what none may: it stays fresh, and each of them costs one sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.exporter_process import LISTENING, Process, eventually, exporter, run_flags
from support.hostile_servers import (
    HOSTILE,
    SENTENCES,
    attempt_seconds,
    host_of,
    hostile_proxy,
    hostile_server,
)

from dbs_exporter.simulator import World, start_simulator

HEALTHY = "healthy"
PLANS = 4
REGION = "cn-hangzhou"
MOST_MEMORY = 200 * 2**20
SECRET = "s3cr3t-never-to-be-seen"
PROXY_PASSWORD = "pr0xy-never-to-be-seen"

ACCOUNT = """
  - name: {name}
    endpoint: {endpoint}
    regions: [cn-hangzhou]
    timeout: {milliseconds}ms
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: {secret}}}
"""
COLLECTORS = """
collectors:
  plans: {interval: 10s}
"""


@contextmanager
def endpoints(way: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[str, str]]]:
    """By kind: the endpoint of a hostile server, and the words for its host in an error."""
    with ExitStack() as stack:
        if way == "straight":
            servers = {kind: stack.enter_context(hostile_server(kind)) for kind in HOSTILE}
            yield {kind: (server.url, server.address) for kind, server in servers.items()}
            return
        proxy = stack.enter_context(hostile_proxy())
        monkeypatch.setenv("http_proxy", f"http://user:{PROXY_PASSWORD}@{proxy.address}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield {
            kind: (f"http://{host_of(kind)}", f"{host_of(kind)} by way of the proxy {proxy.url}")
            for kind in HOSTILE
        }


def account(name: str, endpoint: str, seconds: float, secret: str = SECRET) -> str:
    return ACCOUNT.format(name=name, endpoint=endpoint, milliseconds=round(seconds * 1000), secret=secret)


def values(text: str, name: str, **labels: str) -> list[float]:
    """The values of a family's samples that have these labels."""
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def reasons(process: Process) -> dict[str, str]:
    """Wait until a reading of every hostile account has failed; the first line that says so, by account."""
    found: dict[str, str] = {}
    while len(found) < len(HOSTILE):
        failed = process.until(r'msg="a reading failed" account=(hostile\d+) .*')
        found.setdefault(failed[1], failed[0])
    return found


@pytest.mark.parametrize("way", ["straight", "by a proxy"])
def test_a_healthy_account_stays_fresh_beside_every_hostile_one(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plans go on being read in time, memory comes back below 200 MiB, and each neighbour has its own true sentence."""
    names = {kind: f"hostile{number}" for number, kind in enumerate(HOSTILE)}
    with start_simulator(World.healthy(plans=PLANS)) as simulator, endpoints(way, monkeypatch) as hostile:
        accounts = [account(names[kind], hostile[kind][0], attempt_seconds(kind)) for kind in HOSTILE]
        file = tmp_path / "dbs-exporter.yml"
        file.write_text(
            f"accounts:\n{''.join(accounts)}{account(HEALTHY, simulator.url, 30.0, 'testsk')}{COLLECTORS}"
        )
        with exporter(*run_flags(file)) as process:
            url = process.until(LISTENING)[1]
            said = reasons(process)
            all_failed_at = time.time()

            def is_read_again(_status: int, text: str) -> bool:
                read_at = values(
                    text,
                    "dbs_exporter_collector_last_success_timestamp_seconds",
                    account=HEALTHY,
                    collector="plans",
                )
                memory = values(text, "process_resident_memory_bytes")[0]
                return bool(read_at) and read_at[0] > all_failed_at and memory < MOST_MEMORY

            text = eventually(url, "/metrics", is_read_again)
            now = time.time()
            assert process.stop() == 0
            everything = "".join(process.said) + process.everything_said()

    for kind, name in names.items():
        _, sentence = SENTENCES[kind]
        assert sentence.format(host=hostile[kind][1]) in said[name], kind
    assert len(values(text, "dbs_plan_info", account=HEALTHY)) > 0
    assert set(values(text, "dbs_exporter_collector_success", account=HEALTHY)) == {1.0}
    assert min(values(text, "dbs_plan_fresh_until_timestamp_seconds", account=HEALTHY)) > now
    assert min(values(text, "dbs_region_fresh_until_timestamp_seconds", account=HEALTHY)) > now
    assert "Traceback" not in everything
    assert SECRET not in everything
    assert PROXY_PASSWORD not in everything

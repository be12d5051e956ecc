"""The whole, as a process: start, serve, reload, stop; on a simulated cloud, over real sockets and signals."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.exporter_process import PATIENCE_SECONDS, ask, eventually, exporter

from dbs_exporter.simulator import Simulator, World, start_simulator

CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: [cn-hangzhou]
    requests_per_second: 500
    concurrency: 8
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Simulator]:
    """A simulated cloud that the tests of this module share."""
    with start_simulator(World(plans=10)) as simulator:
        yield simulator


def write_config(path: Path, simulator: Simulator, more: str = "") -> Path:
    """A configuration with one account on the simulator."""
    file = path / "dbs-exporter.yml"
    file.write_text(CONFIG.format(url=simulator.url) + more)
    return file


def run_flags(file: Path, *more: str) -> tuple[str, ...]:
    """`run` on a free port of this machine."""
    return ("run", f"--config.file={file}", "--web.listen-address=127.0.0.1:0", *more)


DENIED = r'api_requests_total\{[^}]*outcome="denied"[^}]*\} [1-9]'
LISTENING = r"msg=listening .*address=(http://127\.0\.0\.1:\d+)"


def test_demo_prints_its_addresses_serves_everything_and_ends_with_0() -> None:
    """One command, no account: the status page, the metrics of a fleet, and a clean end."""
    with exporter("demo", "--web.listen-address=127.0.0.1:0", "--plans=20", "--log.level=warning") as process:
        cloud_url = process.until(r"simulated DBS API: +(http://127\.0\.0\.1:\d+)")[1]
        url = process.until(r"metrics: +(http://127\.0\.0\.1:\d+)/metrics")[1]
        eventually(url, "/-/ready", lambda status, _: status == 200)
        page = eventually(
            url, "/metrics", lambda _, text: "dbs_plan_recovery_point_timestamp_seconds{" in text
        )

        assert ask(cloud_url, "/-/healthy")[0] == 200
        assert ask(url, "/")[0] == 200
        assert "dbs_full_backup_last_success_timestamp_seconds{" in page
        assert "dbs_exporter_build_info{" in page
        assert process.stop() == 0
        assert "Traceback" not in process.everything_said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_while_calls_are_under_way(tmp_path: Path, number: int) -> None:
    """It does not wait for slow answers of the cloud, and says that it ends."""
    with (
        start_simulator(World(plans=10), faults=[{"kind": "latency", "seconds": 120}]) as slow,
        exporter(*run_flags(write_config(tmp_path, slow))) as process,
    ):
        process.until(LISTENING)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not slow.requests and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        asked = time.monotonic()
        code = process.stop(number)
        took = time.monotonic() - asked

        assert code == 0
        # Not a speed test: the calls under way would last for two minutes.
        assert took < 30
        assert "Traceback" not in process.everything_said()


def test_metrics_are_under_the_path_that_was_asked_for(tmp_path: Path, cloud: Simulator) -> None:
    """Flags win over the file, and several addresses serve the same."""
    file = write_config(tmp_path, cloud, "web: {telemetry_path: /from-the-file}\n")
    flags = ("--web.telemetry-path=/m", "--web.listen-address=127.0.0.1:0")
    with exporter(*run_flags(file, *flags)) as process:
        urls = [process.until(LISTENING)[1] for _ in range(2)]

        assert urls[0] != urls[1]
        for url in urls:
            eventually(url, "/m", lambda status, text: status == 200 and "dbs_plan_info{" in text)
            assert ask(url, "/metrics")[0] == 404
        assert process.stop() == 0


def test_sighup_takes_a_good_file_keeps_data_and_refuses_a_bad_one(tmp_path: Path, cloud: Simulator) -> None:
    """A bad file changes nothing but the metric that says so; a good one adds and removes accounts without a hole."""
    file = write_config(tmp_path, cloud)
    good = file.read_text()
    with exporter(*run_flags(file)) as process:
        url = process.until(LISTENING)[1]
        eventually(url, "/metrics", lambda _, text: 'dbs_plan_info{account="prod"' in text)
        file.write_text("accounts: 5\n")
        process.process.send_signal(signal.SIGHUP)
        process.until(r"dbs-exporter\.yml:1: accounts: 5 is not a list")
        bad = eventually(url, "/metrics", lambda _, text: "config_last_reload_successful 0" in text)
        file.write_text(good + good.replace("accounts:", "").replace("name: prod", "name: second"))
        process.process.send_signal(signal.SIGHUP)
        both = eventually(url, "/metrics", lambda _, text: 'dbs_plan_info{account="second"' in text)
        file.write_text(good.replace("name: prod", "name: second"))
        process.process.send_signal(signal.SIGHUP)
        one = eventually(url, "/metrics", lambda _, text: 'account="prod"' not in text)

        assert 'dbs_plan_info{account="prod"' in bad
        assert 'dbs_plan_info{account="prod"' in both
        assert "config_last_reload_successful 1" in both
        assert 'dbs_plan_info{account="second"' in one
        assert process.stop() == 0


def test_a_collector_that_is_switched_off_leaves_nothing_behind(tmp_path: Path, cloud: Simulator) -> None:
    """A reload without billing and the gateways takes their series away at once, and keeps the plans' others."""
    file = write_config(tmp_path, cloud, "collectors: {billing: {enabled: true}}\n")
    with exporter(*run_flags(file)) as process:
        url = process.until(LISTENING)[1]
        before = eventually(
            url,
            "/metrics",
            lambda _, text: "dbs_plan_billing_free_bytes{" in text and "dbs_gateway_info{" in text,
        )
        write_config(tmp_path, cloud, "collectors: {gateways: {enabled: false}}\n")
        process.process.send_signal(signal.SIGHUP)
        after = eventually(
            url,
            "/metrics",
            lambda _, text: "dbs_plan_billing_" not in text and "dbs_gateway_info" not in text,
        )

        assert before.count("dbs_plan_info{") == after.count("dbs_plan_info{") > 0
        assert process.stop() == 0


def test_listen_addresses_are_not_reloadable_and_that_is_said(tmp_path: Path, cloud: Simulator) -> None:
    """A changed address in the file is warned about and not taken."""
    file = write_config(tmp_path, cloud)
    with exporter(*run_flags(file)) as process:
        url = process.until(LISTENING)[1]
        file.write_text(file.read_text() + "web: {telemetry_path: /elsewhere}\n")
        process.process.send_signal(signal.SIGHUP)

        process.until(r"level=warning .*web.*needs a restart")
        assert ask(url, "/metrics")[0] == 200
        assert process.stop() == 0


@pytest.mark.parametrize("enabled", [True, False])
def test_reload_over_http_is_only_there_when_enabled(tmp_path: Path, cloud: Simulator, enabled: bool) -> None:
    """POST /-/reload answers 200 or, for a bad file, an error; without the flag it is refused."""
    file = write_config(tmp_path, cloud)
    with exporter(*run_flags(file, *(["--web.enable-lifecycle"] if enabled else []))) as process:
        url = process.until(LISTENING)[1]
        good = ask(url, "/-/reload", "POST")
        file.write_text("accounts: 5\n")
        bad = ask(url, "/-/reload", "POST")

        assert process.stop() == 0
    if enabled:
        assert good[0] == 200
        assert bad[0] == 500
        assert "dbs-exporter.yml:1: accounts: 5 is not a list" in bad[1]
    else:
        assert {good[0], bad[0]} <= {403, 404, 405}


def test_an_address_that_is_taken_ends_with_a_sentence(tmp_path: Path, cloud: Simulator) -> None:
    """Nothing half-started stays behind."""
    taken = urlsplit(cloud.url).netloc
    with exporter(
        "run", f"--config.file={write_config(tmp_path, cloud)}", f"--web.listen-address={taken}"
    ) as process:
        code = process.process.wait(timeout=PATIENCE_SECONDS)
        said = process.everything_said()

    assert code == 2
    assert f"{taken}: cannot be served on: " in said
    assert "Traceback" not in said


def test_shards_together_export_what_one_does(tmp_path: Path, cloud: Simulator) -> None:
    """Each plan is on exactly one of two shards."""
    file = write_config(tmp_path, cloud)
    found: list[set[str]] = []
    for shard in ("exporter-0", "exporter-1", "0"):
        total = "1" if shard == "0" else "2"
        with exporter(*run_flags(file, f"--shard={shard}", f"--total-shards={total}")) as process:
            url = process.until(LISTENING)[1]
            eventually(url, "/-/ready", lambda status, _: status == 200)
            text = eventually(url, "/metrics", lambda _, text: "dbs_exporter_collector_success{" in text)
            found.append({line for line in text.splitlines() if line.startswith("dbs_plan_info{")})
            assert process.stop() == 0

    assert found[0] | found[1] == found[2]
    assert not found[0] & found[1]


def test_secrets_are_in_nothing_that_is_said_or_served(tmp_path: Path, cloud: Simulator) -> None:
    """Even at level debug, and with a secret that the cloud refuses."""
    file = tmp_path / "dbs-exporter.yml"
    file.write_text(CONFIG.format(url=cloud.url).replace("testsk", "hush-hush-hush"))
    with exporter(*run_flags(file, "--log.level=debug")) as process:
        url = process.until(LISTENING)[1]
        eventually(url, "/metrics", lambda _, text: re.search(DENIED, text) is not None)
        served = ask(url, "/")[1] + ask(url, "/metrics")[1] + ask(url, "/-/ready")[1]
        assert process.stop() == 0
        said = process.everything_said()

    assert "hush-hush-hush" not in served + said


FAST = """
collectors:
  plans: {interval: 1s}
  full_backups: {interval: 1s}
"""
RUNS = 'dbs_exporter_collector_success{{account="prod",collector="plans",region="cn-hangzhou"}} {}'


def series_of_plans(text: str) -> set[str]:
    """The series of a page that are about plans, without their values."""
    return {
        line.rpartition(" ")[0]
        for line in text.splitlines()
        if not line.startswith(("#", "dbs_exporter", "p"))
    }


def test_an_outage_of_the_cloud_takes_no_series_away(tmp_path: Path) -> None:
    """What was known stays, and only the exporter's own metrics tell that the runs fail."""
    with (
        start_simulator(World(plans=10)) as own,
        exporter(*run_flags(write_config(tmp_path, own, FAST))) as process,
    ):
        url = process.until(LISTENING)[1]
        eventually(url, "/-/ready", lambda status, _: status == 200)
        before = eventually(url, "/metrics", lambda _, text: RUNS.format("1.0") in text)
        own.close()
        after = eventually(url, "/metrics", lambda _, text: RUNS.format("0.0") in text)

        assert "dbs_full_backup_last_success_timestamp_seconds{" in before
        assert series_of_plans(after) == series_of_plans(before)
        assert process.stop() == 0


def test_a_deleted_plan_is_gone_after_the_next_list(tmp_path: Path) -> None:
    """Every series of it, and no other plan's."""
    with (
        start_simulator(World(plans=10)) as own,
        exporter(*run_flags(write_config(tmp_path, own, FAST))) as process,
    ):
        url = process.until(LISTENING)[1]
        eventually(url, "/-/ready", lambda status, _: status == 200)
        before = eventually(url, "/metrics", lambda _, text: "dbs_plan_info{" in text)
        first = own.world.plan_ids("demo", "cn-hangzhou")[0]
        own.world.delete_plan(first)
        after = eventually(url, "/metrics", lambda _, text: first not in text)

        assert first in before
        assert before.count("dbs_plan_info{") == after.count("dbs_plan_info{") + 1
        assert process.stop() == 0

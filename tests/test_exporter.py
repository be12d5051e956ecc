"""The exporter as a whole: what it serves of a simulated cloud, what a reload changes, and what an outage does not."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.exporter_process import (
    LISTENING,
    PATIENCE_SECONDS,
    ask,
    config_text,
    eventually,
    exporter,
    run_flags,
    write_config,
)

from dbs_exporter.clock import SystemClock
from dbs_exporter.config.load import parse_config
from dbs_exporter.errors import ConfigError, CredentialsError
from dbs_exporter.exporter import Exporter
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.simulator import Simulator, World, start_simulator


@pytest.fixture(scope="module")
def cloud() -> Iterator[Simulator]:
    """A simulated cloud that the tests of this module share."""
    with start_simulator(World(plans=10)) as simulator:
        yield simulator


DENIED = r'api_requests_total\{[^}]*outcome="denied"[^}]*\} [1-9]'


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


def test_shards_together_export_what_one_does(tmp_path: Path, cloud: Simulator) -> None:
    """Each region is on exactly one of three shards, with all its plans; one that has no region is ready too."""
    file = write_config(tmp_path, cloud, regions="[cn-hangzhou, cn-shanghai, ap-southeast-1]")
    found: list[set[str]] = []
    for index, total in ((0, 3), (1, 3), (2, 3), (0, 1)):
        flags = (f"--shard=exporter-{index}", f"--total-shards={total}")
        with exporter(*run_flags(file, *flags)) as process:
            url = process.until(LISTENING)[1]
            eventually(url, "/-/ready", lambda status, _: status == 200)
            text = ask(url, "/metrics")[1]
            found.append({line for line in text.splitlines() if line.startswith("dbs_plan_info{")})
            assert f"dbs_exporter_shards {total}.0" in text
            assert process.stop() == 0
    *shares, whole = found
    regions = [{line.split('region="')[1].split('"')[0] for line in share} for share in shares]

    assert set.union(*shares) == whole
    assert sum(map(len, shares)) == len(whole)
    assert sorted(map(len, regions)) == [0, 1, 2]


def test_a_reload_that_adds_a_region_leaves_it_ready(cloud: Simulator) -> None:
    """Ready means that it was ready and serves; what is new is read beside what is served."""
    clock = SystemClock()
    exporter = Exporter(parse_config(config_text(cloud), environ={}), clock=clock)
    more = parse_config(config_text(cloud, regions="[cn-hangzhou, cn-shanghai]"), environ={})
    started = exporter.missing()
    exporter.start()
    try:
        deadline = clock.monotonic() + PATIENCE_SECONDS
        while exporter.missing() and clock.monotonic() < deadline:
            clock.sleep(0.02)
        cloud.faults.replace([{"kind": "latency", "seconds": 120}])
        exporter.reload(lambda: more)
        after = exporter.missing()
        unread = exporter.outcomes.missing()
    finally:
        exporter.close()
        cloud.faults.replace([])

    assert started
    assert unread
    assert after == []


def test_secrets_are_in_nothing_that_is_said_or_served(tmp_path: Path, cloud: Simulator) -> None:
    """Even at level debug, and with a secret that the cloud refuses."""
    file = write_config(tmp_path, cloud, secret="hush-hush-hush")
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

SUCCESS = 'dbs_exporter_collector_success{{account="prod",collector="plans",region="cn-hangzhou"}} {}'


def series_of_plans(text: str) -> set[str]:
    """The series of a page that are about plans, without their values."""
    return {
        line.rpartition(" ")[0]
        for line in text.splitlines()
        if not line.startswith(("#", "dbs_exporter", "p"))
    }


def test_an_outage_of_the_cloud_takes_no_series_away(tmp_path: Path) -> None:
    """What was known stays, and only the exporter's own metrics tell that readings fail."""
    with (
        start_simulator(World(plans=10)) as own,
        exporter(*run_flags(write_config(tmp_path, own, FAST))) as process,
    ):
        url = process.until(LISTENING)[1]
        eventually(url, "/-/ready", lambda status, _: status == 200)
        before = eventually(
            url,
            "/metrics",
            # What is read last of all is there.
            lambda _, text: SUCCESS.format("1.0") in text and "dbs_download_tasks{" in text,
        )
        own.close()
        after = eventually(url, "/metrics", lambda _, text: SUCCESS.format("0.0") in text)

        assert "dbs_full_backup_last_success_timestamp_seconds{" in before
        assert series_of_plans(before) - series_of_plans(after) == set()
        assert process.stop() == 0


def test_a_deleted_plan_is_gone_after_the_next_list(tmp_path: Path) -> None:
    """Every series of it, and no other plan's; that it had backups and is gone is said for a week."""
    with (
        start_simulator(World(plans=10)) as own,
        exporter(*run_flags(write_config(tmp_path, own, FAST))) as process,
    ):
        url = process.until(LISTENING)[1]
        eventually(url, "/-/ready", lambda status, _: status == 200)
        before = eventually(url, "/metrics", lambda _, text: "dbs_plan_info{" in text)
        first = own.world.plan_ids("demo", "cn-hangzhou")[0]
        own.world.delete_plan(first)

        def only_said_gone(text: str) -> bool:
            """A plan that had backups is mentioned as gone, and nowhere else."""
            lines = [line for line in text.splitlines() if first in line]
            return all(line.startswith("dbs_region_plan_gone_timestamp_seconds{") for line in lines)

        after = eventually(url, "/metrics", lambda _, text: only_said_gone(text))

        assert first in before
        assert before.count("dbs_plan_info{") == after.count("dbs_plan_info{") + 1
        assert process.stop() == 0


def read_whole(config: str) -> Exporter:
    """Start an exporter in this process and wait until it is ready; the caller closes it."""
    running = Exporter(parse_config(config, environ={}), clock=SystemClock())
    running.start()
    while running.missing():
        running.clock.sleep(0.02)
    return running


def test_the_regions_of_an_account_are_asked_once_for_all_of_it() -> None:
    """The list is the account's: an account of two regions asks for it once, and its home answers."""
    with start_simulator(World(plans=10)) as own:
        running = read_whole(config_text(own, regions="[cn-hangzhou, cn-shanghai]"))
        try:
            account = running.store.account("prod")

            assert account is not None
            regions = account.get(REGIONS)
            assert regions is not None
            assert {"cn-hangzhou", "cn-shanghai"} <= set(regions)
            assert own.requests["DescribeRegions"] == 1
            assert own.requests["DescribeNodeCidrList"] == 2
        finally:
            running.close()


def test_all_regions_are_found_even_if_their_collector_is_off() -> None:
    """Who watches all regions needs the list, whatever is said of its collector."""
    with start_simulator(World(plans=10)) as own:
        running = read_whole(config_text(own, regions="all") + "collectors: {regions: {enabled: false}}\n")
        try:
            regions = {subject.scope.region for subject in running.store.plan_subjects()}

            assert regions == {
                spec.region for plan in own.world.plan_ids("demo") if (spec := own.world.spec(plan))
            }
            assert len(regions) > 1
        finally:
            running.close()


RRSA = {
    "ALIBABA_CLOUD_ROLE_ARN": "r",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "p",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/t",
}


@pytest.mark.parametrize(
    ("error", "config"),
    [
        (ConfigError, "accounts: 5"),
        # Good by these variables, which the process itself lacks.
        (CredentialsError, "accounts: [{name: b, regions: all, credentials: {type: oidc_role_arn}}]"),
    ],
    ids=["configuration", "credentials"],
)
def test_a_reload_that_cannot_be_taken_changes_nothing(
    cloud: Simulator, monkeypatch: pytest.MonkeyPatch, error: type[Exception], config: str
) -> None:
    """The old configuration, its plans and its objectives stay, and the failure is raised and told by a metric."""
    for name in RRSA:
        monkeypatch.delenv(name, raising=False)
    running = read_whole(config_text(cloud))
    try:
        before = (running.config, running.store.plan_subjects())
        with pytest.raises(error):
            running.reload(lambda: parse_config(config, environ=RRSA))

        assert (running.config, running.store.plan_subjects()) == before
        running.exposition.publish()
        page = b"".join(running.exposition.page(openmetrics=False).identity).decode()
        assert "dbs_exporter_config_last_reload_successful 0" in page
    finally:
        running.close()


def page_of(running: Exporter) -> str:
    """What would be scraped now."""
    running.exposition.publish()
    return b"".join(running.exposition.page(openmetrics=False).identity).decode()


def value_of(page: str, series: str) -> float:
    """The value of the first series that begins so."""
    return float(next(line for line in page.splitlines() if line.startswith(series)).rpartition(" ")[2])


def test_every_plan_says_until_when_it_counts_as_known_and_every_region_whether_calls_suffice() -> None:
    """From its first listing on, also for what was not read yet."""
    with start_simulator(World(plans=10)) as own:
        running = read_whole(config_text(own))
        try:
            page = page_of(running)
        finally:
            running.close()
    plans = page.count("dbs_plan_info{")

    for facts in ("plans", "full_backups", "log_backups", "ranges", "restores", "downloads", "recovery"):
        lines = [
            line
            for line in page.splitlines()
            if line.startswith("dbs_plan_fresh_until_timestamp_seconds{") and f'facts="{facts}"' in line
        ]
        assert len(lines) == plans > 0, facts
        assert all(float(line.rpartition(" ")[2]) > running.now() for line in lines), facts
    assert 'dbs_region_fresh_until_timestamp_seconds{account="prod",facts="gateways"' in page
    assert value_of(page, 'dbs_exporter_call_budget_stretch_ratio{account="prod"') == 1.0
    assert value_of(page, 'dbs_exporter_call_budget_wanted_per_second{account="prod",collector="plans"') > 0
    for gone in ("interval_seconds", "skipped_runs_total", "last_run_timestamp_seconds", "duration_seconds"):
        assert f"dbs_exporter_collector_{gone}" not in page


@pytest.mark.parametrize("ahead", [2 * 3600.0, -2 * 3600.0])
def test_a_machine_whose_clock_is_hours_off_reads_and_judges_by_the_time_of_the_api(ahead: float) -> None:
    """Signatures are accepted, facts are as old as they are, and how far the clock is off is said."""

    def true_time() -> float:
        return SystemClock().now() + ahead

    with start_simulator(World.healthy(plans=10, clock=true_time)) as own:
        running = read_whole(config_text(own))
        try:
            page = page_of(running)
            snapshot = running.snapshot()
            now = true_time()
        finally:
            running.close()
    read = [line for line in page.splitlines() if line.startswith("dbs_plan_last_read_timestamp_seconds{")]

    assert value_of(page, 'dbs_exporter_clock_offset_seconds{account="prod"') == pytest.approx(ahead, abs=5.0)
    assert snapshot.now == pytest.approx(now, abs=30.0)
    assert read
    assert all(float(line.rpartition(" ")[2]) == pytest.approx(now, abs=120.0) for line in read)
    assert all(plan.promised["plans"] > now for plan in snapshot.plans)
    assert running.outcomes.states()


def test_a_reload_that_changes_limits_keeps_what_was_learned_and_what_is_known() -> None:
    """The rate is the new one at once; the API's time and the plans are those from before."""

    def true_time() -> float:
        return SystemClock().now() + 3600.0

    with start_simulator(World.healthy(plans=10, clock=true_time)) as own:
        config = config_text(own)
        running = read_whole(config)
        try:
            before = {plan.plan.plan_id for plan in running.store.plan_subjects()}
            slower = config.replace("requests_per_second: 500", "requests_per_second: 7")
            running.reload(lambda: parse_config(slower, environ={}))
            page = page_of(running)
            after = {plan.plan.plan_id for plan in running.store.plan_subjects()}
        finally:
            running.close()

    assert after == before != set()
    assert value_of(page, 'dbs_exporter_api_rate_limit_per_second{account="prod"') == 7.0
    assert value_of(page, 'dbs_exporter_clock_offset_seconds{account="prod"') == pytest.approx(
        3600.0, abs=5.0
    )

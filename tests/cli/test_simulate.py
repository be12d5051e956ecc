"""`dbs-exporter simulate`: flags become a world with a clock and faults."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest
from support.signed_query import signed
from support.simulated_cloud import DAY, NOW

from dbs_exporter.cli.simulate import account_names, parse_now, read_faults, simulated, world_clock
from dbs_exporter.errors import ConfigError


def test_a_cloud_in_another_time_takes_requests_of_today() -> None:
    """Clients sign with the real time, however far the simulated clock is from it."""
    with simulated(
        listen_address="127.0.0.1:0",
        plans=3,
        accounts=1,
        seed=1,
        clock=lambda: NOW + 1000 * DAY,
        signature_clock=time.time,
    ) as running:
        query = signed({"Action": "DescribeBackupPlanList", "Format": "JSON"})
        with urllib.request.urlopen(f"{running.url}/?{query}", timeout=20) as answer:
            plans = json.load(answer)["Items"]["BackupPlanDetail"]

    assert all(plan.get("EndTimestampForRestore", 2**60) > (NOW + 900 * DAY) * 1000 for plan in plans)


@pytest.mark.parametrize(
    "text", ["1769860800", "2026-01-31T12:00:00Z", "2026-01-31T20:00:00+08:00", "1769860800.0"]
)
def test_a_moment_is_a_unix_time_or_a_date_with_its_zone(text: str) -> None:
    """All ways to write it mean the same moment."""
    assert parse_now(text) == 1_769_860_800.0


def test_what_is_no_moment_is_told_with_one_that_is() -> None:
    """The message shows both ways."""
    with pytest.raises(ConfigError, match="write a Unix time or one such as 2026-01-31T12:00:00Z"):
        parse_now("yesterday")


@pytest.mark.parametrize("content", ["- {kind: deny, times: 2}\n", '[{"kind": "deny", "times": 2}]'])
def test_faults_are_read_from_yaml_or_json(tmp_path: Path, content: str) -> None:
    """Both forms hold the same list."""
    file = tmp_path / "faults"
    file.write_text(content)

    assert read_faults(str(file)) == [{"kind": "deny", "times": 2}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"[", "neither YAML nor JSON"),
        (b"\xff", "neither YAML nor JSON"),
    ],
)
def test_a_file_of_faults_that_cannot_be_read_is_told(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """The flag and the file are named."""
    file = tmp_path / "faults"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"--faults: .*faults: {message}"):
        read_faults(str(file))


def test_a_clock_starts_where_it_is_told_and_runs_as_fast_as_it_is_told() -> None:
    """Speed 0 stands still; without a start it is now."""
    standing, fast = world_clock(0, NOW), world_clock(1e9, NOW)

    assert standing() == standing() == NOW
    assert fast() < fast()
    assert abs(world_clock(1)() - time.time()) < 60


def test_accounts_are_numbered_from_the_second_on() -> None:
    """The first is the one that every example shows."""
    assert account_names(3) == ("demo", "demo2", "demo3")


def test_a_wrong_fault_is_told_by_its_flag() -> None:
    """Nothing is served then."""
    with (
        pytest.raises(ConfigError, match="--faults: fault 1: kind must be one of"),
        simulated(
            listen_address="127.0.0.1:0",
            plans=1,
            accounts=1,
            seed=1,
            clock=lambda: NOW,
            faults=[{"kind": "meteor"}],
        ),
    ):
        pass


def test_an_address_that_is_taken_is_told() -> None:
    """It ends with a sentence that says what to do."""
    with simulated(listen_address="127.0.0.1:0", plans=1, accounts=1, seed=1, clock=lambda: NOW) as running:
        taken = f"127.0.0.1:{running.port}"
        with (
            pytest.raises(ConfigError, match=f"{taken}: cannot be served on: .*; choose another address"),
            simulated(listen_address=taken, plans=1, accounts=1, seed=1, clock=lambda: NOW),
        ):
            pass

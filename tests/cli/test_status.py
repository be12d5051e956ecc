"""`dbs-exporter status`: the plans in a terminal, from the exporter on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.command_line import invoke
from support.known_subjects import PLAN
from support.web import Web

NAMED = replace(PLAN, plan=replace(PLAN.plan, plan_id="dbs2", name="ledger"))
SAME = replace(PLAN, plan=replace(PLAN.plan, plan_id="dbs3", name="ledger"))


@pytest.fixture
def address() -> Iterator[str]:
    """An exporter that knows three plans."""
    with Web(plans=[PLAN, NAMED, SAME]).serving() as web:
        yield f"--web.listen-address=127.0.0.1:{web.port}"


def test_all_plans_are_printed_with_their_states(address: str) -> None:
    """As a table, or as the exporter's own JSON."""
    table, answer = invoke("status", address), invoke("status", address, "--format=json", "--account=prod")

    assert table.exit_code == 0
    assert "3 plans as of 1970-01-01T01:23:20Z" in table.output
    assert "prod cn-hangzhou" in table.output
    assert len(json.loads(answer.output)["plans"]) == 3


def test_one_plan_is_found_by_its_id_or_its_only_name(address: str) -> None:
    """What is wrong with it and what will be is printed; a name that two plans have is not enough."""
    found = invoke("status", "dbs2", address)
    twice = invoke("status", "ledger", address)
    missing = invoke("status", "ledge", address)

    assert found.exit_code == 0
    assert "ledger (dbs2) in prod cn-hangzhou" in found.output
    assert "What is wrong, and what will be" in found.output
    assert twice.exit_code != 0
    assert "2 plans have the name or id 'ledger': dbs2 in prod cn-hangzhou, dbs3" in twice.output
    assert missing.exit_code != 0
    assert "no plan has the name or id 'ledge'; there are ledger, ledger" in missing.output


def test_what_cannot_be_asked_is_said(address: str, tmp_path: Path) -> None:
    """A state that there is not, an exporter that is not there, a password that cannot be read."""
    assert "there is no state 'bad'" in invoke("status", address, "--state=bad").output
    gone = invoke("status", "--web.listen-address=127.0.0.1:1", "--timeout=1s")
    assert (gone.exit_code, "no exporter answers on 127.0.0.1:1" in gone.output) == (4, True)
    assert "--user needs --password-file" in invoke("status", address, "--user=a").output
    unread = invoke("status", address, "--user=a", f"--password-file={tmp_path / 'none'}")
    assert f"{tmp_path / 'none'} cannot be read" in unread.output

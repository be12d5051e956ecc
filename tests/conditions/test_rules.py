"""The rule files as they are made: the repository's own, and what can be wished of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from support.rule_fixtures import RULES

from dbs_exporter.conditions.rules import ALERTING, RECORDING, Wishes, alert_names, rule_files


def alerting(**wishes: Any) -> dict[str, dict[str, Any]]:
    """The alerting rules by name under some wishes."""
    groups = yaml.safe_load(rule_files(Wishes(**wishes))[ALERTING])["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_the_repository_holds_what_is_made() -> None:
    """rules/ is the English output, byte for byte."""
    for name, content in rule_files().items():
        assert (RULES / name).read_text(encoding="utf-8") == content


def test_every_alert_is_written_once() -> None:
    """Those of conditions and the others."""
    assert list(alerting()) == sorted(alerting(), key=list(alerting()).index)
    assert set(alerting()) == set(alert_names())


def test_wishes_change_labels_addresses_and_severities_and_nothing_else() -> None:
    """Expressions stay as they are."""
    plain = alerting()
    changed = alerting(
        team="dba", labels={"env": "prod"}, severities={"DBSFullBackupEmpty": "critical"},
        disabled=["DBSDownloadStuck"], runbooks="https://wiki/", grafana="https://g/", exporter="https://e",
    )  # fmt: skip

    assert set(plain) - set(changed) == {"DBSDownloadStuck"}
    assert all(changed[name]["expr"] == plain[name]["expr"] for name in changed)
    empty = changed["DBSFullBackupEmpty"]
    # The team of a plan comes with its series.
    assert empty["labels"] == {"severity": "critical", "env": "prod"}
    assert changed["DBSGatewayGone"]["labels"]["team"] == "dba"
    assert '"team", "dba", "team", "^$"' in rule_files(Wishes(team="dba"))[RECORDING]
    assert empty["annotations"]["runbook_url"] == "https://wiki/DBSFullBackupEmpty.md"
    assert empty["annotations"]["dashboard_url"].startswith("https://g/d/dbs-plan?")
    assert empty["annotations"]["status_url"] == "https://e/?q={{ $labels.plan_id }}"
    assert changed["DBSExporterDown"]["labels"]["team"] == "platform"


def test_in_another_language_only_words_differ() -> None:
    """Chinese texts have the same names, expressions and addresses."""
    english, chinese = alerting(), alerting(language="zh")

    assert list(chinese) == list(english)
    for name, rule in chinese.items():
        assert (rule["expr"], rule["labels"]) == (english[name]["expr"], english[name]["labels"])
        assert rule["annotations"].keys() == english[name]["annotations"].keys()
    assert chinese["DBSPlanExpired"]["annotations"]["summary"] == "包年包月的备份计划已到期。"


def test_clock_times_are_utc_and_beside_that_as_wished() -> None:
    """To the second; in Chinese those of China stand beside them."""
    for wishes, there in (
        ({}, ""),
        (
            {"utc_offset": "-03:30"},
            ' ({{ (($value | toTime).Add -12600000000000).UTC.Format "2006-01-02 15:04:05" }} -03:30)',
        ),
        (
            {"language": "zh"},
            ' ({{ (($value | toTime).Add 28800000000000).UTC.Format "2006-01-02 15:04:05" }} +08:00)',
        ),
    ):
        text = alerting(**wishes)["DBSFullBackupEmpty"]["annotations"]["description"]
        assert f'{{{{ ($value | toTime).UTC.Format "2006-01-02 15:04:05" }}}} UTC{there}' in text
        assert "humanizeTimestamp" not in text
    with pytest.raises(ValueError, match=r"'8' is no offset from UTC; write one such as \+08:00"):
        rule_files(Wishes(utc_offset="8"))


def test_what_gets_worse_says_how_long_that_takes() -> None:
    """The next worse state that alerts."""
    texts = {name: rule["annotations"]["description"] for name, rule in alerting().items()}

    assert '"recovery_point" "breached"' in texts["DBSRecoveryPointAtRisk"]
    assert '"plan_expiry" "at_risk"' in texts["DBSPlanExpiring"]
    assert "left until this" not in texts["DBSRecoveryPointBreached"]


@pytest.mark.parametrize("wishes", [{"disabled": ["DBSNothing"]}, {"severities": {"DBSNothing": "info"}}])
def test_an_alert_that_there_is_not_is_refused(wishes: dict[str, Any]) -> None:
    """The message names it, and those that there are."""
    with pytest.raises(ValueError, match=r"no alert DBSNothing; they are .*DBSRecoveryPointBreached"):
        rule_files(Wishes(**wishes))

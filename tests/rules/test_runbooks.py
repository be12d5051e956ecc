"""The runbooks: their form, their queries, and their calls of the API."""

from __future__ import annotations

import re
import shlex

import pytest
from support.rule_fixtures import ALERTS, RULES, checked_rules

from dbs_exporter.api.answers import error_class
from dbs_exporter.api.cures import CURES
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import operation_named
from dbs_exporter.errors import BadCredentials, NotPermitted, Throttled

RUNBOOKS = RULES / "runbooks"
SECTIONS = ["Can it wait till morning?", "Meaning", "Impact", "Diagnosis", "Mending", "False alarm"]


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_a_runbook_says_what_to_do(alert: str) -> None:
    """Title, the six sections in order, none empty, and `dbs-exporter call` lines that the API's table accepts."""
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)

    assert text.startswith(f"# {alert}\n")
    assert parts[1::2] == SECTIONS
    assert all(len(part.strip()) > 20 for part in parts[2::2])
    for query in re.findall(r"```promql\n(.*?)```", text, flags=re.DOTALL):
        checker, _ = checked_rules()
        checker.labels(query)
        assert checker.complaints == []
    for line in re.findall(r"^dbs-exporter call (.+)$", text, flags=re.MULTILINE):
        words = shlex.split(line)
        operation = operation_named(words[0])
        given = dict(word.split("=", 1) for word in words[1:] if not word.startswith("-"))
        if operation.has_region_parameter:  # `call` gives it from --region
            given.setdefault("Region", "cn-hangzhou")
        request_parameters(operation, given)
        assert ("--write" in words) == operation.writes


CHINESE = ["能等到早上吗？", "含义", "影响", "诊断", "处理", "误报"]


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_a_runbook_says_the_same_in_chinese(alert: str) -> None:
    """The six sections, none empty, with the queries and calls of the English one."""
    english, chinese = (
        (RUNBOOKS / folder / f"{alert}.md").read_text(encoding="utf-8") for folder in ("", "zh")
    )
    parts = re.split(r"^## (.+)$", chinese, flags=re.MULTILINE)
    blocks = r"```\w+\n.*?```"

    assert chinese.startswith(f"# {alert}\n")
    assert parts[1::2] == CHINESE
    assert all(len(part.strip()) > 4 for part in parts[2::2])
    assert parts[2].strip()[0] in "能不"
    assert sorted(re.findall(blocks, chinese, re.DOTALL)) == sorted(re.findall(blocks, english, re.DOTALL))


def test_no_chinese_runbook_is_left_of_an_alert_that_went() -> None:
    """They are those of the alerts."""
    assert {path.stem for path in (RUNBOOKS / "zh").glob("*.md")} == set(ALERTS)


RUNBOOK_OF = {
    BadCredentials: "DBSExporterCredentialsFailing",
    NotPermitted: "DBSExporterNotPermitted",
    Throttled: "DBSExporterThrottled",
}


@pytest.mark.parametrize("code", CURES)
def test_a_code_with_a_cure_of_its_own_stands_in_the_runbook_of_its_alert(code: str) -> None:
    """With the cure, in the words of the log, where the runbook has a table of them."""
    alert = RUNBOOK_OF.get(error_class(code, 400), "DBSExporterAPIErrors")
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")

    assert f"`{code}`" in text
    if "| code begins with |" in text:
        assert f"| `{code}` | {CURES[code]} |" in text


def test_the_runbook_of_a_wrong_clock_names_the_refusal_it_brings() -> None:
    """Other programs on the machine are refused with that code."""
    assert "`InvalidTimeStamp`" in (RUNBOOKS / "DBSExporterClockOffset.md").read_text(encoding="utf-8")

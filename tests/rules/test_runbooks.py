"""The runbooks: their form, and that the Chinese ones are the same; `test_runbooks_run` runs them."""

from __future__ import annotations

import re

import pytest
from support.rule_fixtures import ALERTS, RULES, checked_rules

from dbs_exporter.api.answers import error_class
from dbs_exporter.api.cures import CURES
from dbs_exporter.errors import BadCredentials, NotPermitted, Throttled

RUNBOOKS = RULES / "runbooks"
SECTIONS = [
    "Can it wait till morning?",
    "Meaning",
    "Impact",
    "Diagnosis",
    "Mending",
    "False alarm",
    "Has it worked?",
]


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_a_runbook_says_what_to_do(alert: str) -> None:
    """Title and the seven sections in order, none empty."""
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)

    assert text.startswith(f"# {alert}\n")
    assert parts[1::2] == SECTIONS
    assert all(len(part.strip()) > 20 for part in parts[2::2])
    for query in re.findall(r"```promql\n(.*?)```", text, flags=re.DOTALL):
        checker, _ = checked_rules()
        checker.labels(query)
        assert checker.complaints == []


CHINESE = ["能等到早上吗？", "含义", "影响", "诊断", "处理", "误报", "好了吗？"]


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_a_runbook_says_the_same_in_chinese(alert: str) -> None:
    """The seven sections, none empty, with the queries and calls of the English one."""
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
    """They are those of the alerts, and the page that says how to run them."""
    assert {path.stem for path in (RUNBOOKS / "zh").glob("*.md")} == {*ALERTS, "README"}


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

"""The rule files for Prometheus and vmalert, made from the table of conditions, their texts, and the PromQL in `promql/`.

The generic rules are the algebra in PromQL: a condition holds where its `since` has passed while its facts were known and its
`until` has not; it alerts unless something explains it or the plan is muted. An alert's labels are what identifies its subject,
severity and team, and nothing that can change; names come into its text by queries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml

from dbs_exporter.conditions.algebra import STATES, Alert, Condition, Of, State
from dbs_exporter.conditions.table import CONDITIONS, ONE_CRITICAL, conditions_of
from dbs_exporter.conditions.texts import texts
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.facts.plans import PLANS

RECORDING, ALERTING = "dbs-recording.rules.yml", "dbs-alerts.rules.yml"
RUNBOOKS = "https://github.com/dbs-exporter/dbs-exporter/blob/main/rules/runbooks"
GRAFANA = "https://grafana.example.com"
TEAM = "databases"
"""Who is paged about plans of which the configuration does not say."""
_FOLDER = Path(__file__).parent / "promql"
_PLAN = "account, region, plan_id"
_IDENTITY: Mapping[Of, tuple[str, str]] = {
    "plan": ("dbs_plan", _PLAN),
    "restore_task": ("dbs_restore_task", f"{_PLAN}, restore_task_id"),
    "download_task": ("dbs_download_task", f"{_PLAN}, download_task_id"),
    "gateway": ("dbs_gateway", "account, region, gateway_id"),
    "region": ("dbs_region", "account, region"),
}
"""What conditions can be of: the prefix of their families, and the labels that identify it."""
_TASKS: tuple[Of, ...] = ("restore_task", "download_task")
_OF_REGIONS: tuple[Of, ...] = ("gateway", "region")
_BOARDS: Mapping[Of, str] = {
    "plan": "dbs-plan?var-account={{ $labels.account }}&var-region={{ $labels.region }}&var-plan={{ $labels.plan_id }}",
    "restore_task": "dbs-restores?var-account={{ $labels.account }}&var-region={{ $labels.region }}&var-plan={{ $labels.plan_id }}",
    "download_task": "dbs-plan?var-account={{ $labels.account }}&var-region={{ $labels.region }}&var-plan={{ $labels.plan_id }}",
    "gateway": "dbs-gateways?var-account={{ $labels.account }}&var-region={{ $labels.region }}",
    "region": "dbs-gateways?var-account={{ $labels.account }}&var-region={{ $labels.region }}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is chosen of the rules: their language, labels, addresses, and what is left out or as severe as somebody wants it."""

    language: str = "en"
    team: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    disabled: Collection[str] = ()
    severities: Mapping[str, str] = field(default_factory=dict)
    runbooks: str = RUNBOOKS
    grafana: str = GRAFANA
    exporter: str | None = None
    utc_offset: str | None = None
    """Such as +08:00: of the clock times that stand beside those in UTC; that of China in Chinese."""


def alerts() -> Iterator[tuple[Condition, State, Alert]]:
    """Yield every alert of a condition, with the condition and the state that raise it."""
    for condition in CONDITIONS:
        for state, alert in condition.alerts.items():
            yield condition, state, alert


def alert_names() -> list[str]:
    """Return the names of all alerts, of conditions and others."""
    return [
        *(alert.name for _, _, alert in alerts()),
        *(rule["alert"] for group in _loaded("alerts.yml") for rule in group["rules"]),
    ]


def rule_files(wishes: Wishes = Wishes()) -> dict[str, str]:
    """Return the rule files by their names. ValueError if a wish names an alert that there is not."""
    unknown = {*wishes.disabled, *wishes.severities} - set(alert_names())
    if unknown:
        raise ValueError(
            f"there is no alert {', '.join(sorted(unknown))}; they are {', '.join(alert_names())}"
        )
    recording = [
        *_loaded("recorded.yml"),
        {"name": "dbs-conditions", "rules": _recorded(wishes.team or TEAM)},
        *_loaded("compliance.yml"),
    ]
    alerting: dict[str, list[dict[str, Any]]] = {"dbs-plan-alerts": [], "dbs-gateway-alerts": []}
    for condition, state, alert in alerts():
        group = "dbs-gateway-alerts" if condition.of in _OF_REGIONS else "dbs-plan-alerts"
        alerting[group].append(_alert(condition, state, alert, wishes))
    phrases = texts(wishes.language).get("alerts", {})
    for other in _loaded("alerts.yml"):
        for rule in other["rules"]:
            board = rule["annotations"].pop("board")
            rule["annotations"] |= phrases.get(rule["alert"], {})
            alerting.setdefault(other["name"], []).append(_finished(rule, board, wishes))
    kept = [
        {"name": name, "rules": [rule for rule in rules if rule["alert"] not in wishes.disabled]}
        for name, rules in alerting.items()
    ]
    return {
        RECORDING: _written(recording),
        ALERTING: _written([group for group in kept if group["rules"]]),
    }


def _loaded(name: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load((_FOLDER / name).read_text(encoding="utf-8"))["groups"]
    return groups


def _recorded(team: str) -> list[dict[str, Any]]:
    """Return the generic rules: whose plans are, what holds, what explains it, what alerts, and the state of each plan."""
    return [
        {"record": "plan:dbs_plan:owner", "expr": _owner(team)},
        *({"record": f"{of}:dbs_condition:holds", "expr": _holds(of)} for of in _IDENTITY),
        {"record": "plan:dbs_condition:explained", "expr": _EXPLAINED},
        {"record": "plan:dbs_condition:alerting", "expr": _ALERTING},
        *({"record": f"{of}:dbs_condition:alerting", "expr": _task_alerting(of)} for of in _TASKS),
        *(
            {"record": "plan:dbs_protection:state", "labels": {"state": state}, "expr": _state(state)}
            for state in STATES
        ),
        {"record": "region:dbs_protection:plans", "expr": "sum by (account, region, state) (plan:dbs_protection:state)"},
        {"record": "fleet:dbs_protection:plans", "expr": "sum by (state) (plan:dbs_protection:state)"},
    ]  # fmt: skip


def _of(facts: Collection[str]) -> str:
    """Return the matcher of these facts: to look at no others is most of what a rule over many plans costs."""
    return f'{{facts=~"{"|".join(sorted(facts))}"}}'


def _holds(of: Of) -> str:
    family, identity = _IDENTITY[of]
    labels = f"{identity}, condition, state, facts"
    known = ("dbs_region", "account, region") if of in _OF_REGIONS else ("dbs_plan", _PLAN)
    facts = {each.basis for each in conditions_of(of)}
    expr = f"""\
max by ({labels}) ({family}_condition_since_timestamp_seconds) < time()
< on ({known[1]}, facts) group_left ()
(max by ({known[1]}, facts) ({known[0]}_fresh_until_timestamp_seconds{_of(facts)}) - {FRESH_GRACE_SECONDS:.0f})
"""
    if of == "gateway":
        return expr
    return f"""\
(
{indent(expr, "  ")})
unless
max by ({labels}) ({family}_condition_until_timestamp_seconds) <= time()
"""


_EXPLAINED = f"""\
max by ({_PLAN}, condition) (
  max by ({_PLAN}, condition, facts) (dbs_plan_condition_explained_until_timestamp_seconds) > time()
  or
  max by ({_PLAN}, condition, facts) (dbs_plan_condition_explained_until_timestamp_seconds)
  >= on ({_PLAN}, facts) group_left ()
  max by ({_PLAN}, facts) (dbs_plan_fresh_until_timestamp_seconds{_of((PLANS.name, GATEWAYS.name))})
)
"""
_MUTED = f"""\
unless on ({_PLAN}) (
  max by ({_PLAN}) (dbs_plan_muted_from_timestamp_seconds) <= time()
  and max by ({_PLAN}) (dbs_plan_muted_until_timestamp_seconds) > time()
)
"""
_OWNED = f"{_PLAN}, owner, team, tier"
_OF_OWNER = f"* on ({_PLAN}) group_left (owner, team, tier) plan:dbs_plan:owner\n"
_ALERTING = f"""\
(
  max by ({_PLAN}, condition, state) (plan:dbs_condition:holds)
  unless on ({_PLAN}, condition) plan:dbs_condition:explained
{indent(_MUTED, "  ")})
{_OF_OWNER}"""


def _owner(team: str) -> str:
    """Return the rule of whose each plan is, so that alerts have a team whatever the configuration says."""
    return f"""\
label_replace(
  topk by ({_PLAN}) (1, max by ({_OWNED}) (dbs_plan_owner_info))
  or on ({_PLAN}) group by ({_PLAN}) (dbs_plan_fresh_until_timestamp_seconds{{facts="recovery"}}),
  "team", "{team}", "team", "^$"
)
"""


def _task_alerting(of: Of) -> str:
    identity = _IDENTITY[of][1]
    return f"""\
(
  max by ({identity}, condition, state) ({of}:dbs_condition:holds)
{indent(_MUTED, "  ")})
{_OF_OWNER}"""


def _state(state: State) -> str:
    """Return the rule of a state: 1 for the plans in it, 0 for all others, so that sums are there while there are plans."""
    plans = f"group by ({_PLAN}) (dbs_plan_info)"
    unknown = 'plan:dbs_facts:stale{facts="recovery"}'
    tasks = f"""\
  or group by ({_PLAN}) (restore_task:dbs_condition:holds)
  or group by ({_PLAN}) (download_task:dbs_condition:holds)
"""
    worse = STATES[1 : STATES.index(state)]
    if state == "unknown":
        found = f"group by ({_PLAN}) ({unknown})\n"
    elif state == "protected":
        found = f"""\
(
  {plans}
  unless on ({_PLAN}) plan:dbs_condition:holds{{state!="protected"}}
  unless on ({_PLAN}) restore_task:dbs_condition:holds
  unless on ({_PLAN}) download_task:dbs_condition:holds
  unless on ({_PLAN}) {unknown}
)
"""
    else:
        found = f"""\
(
  (
    group by ({_PLAN}) (plan:dbs_condition:holds{{state="{state}"}})
{indent(tasks, "  ") if state == "attention" else ""}  )
  unless on ({_PLAN}) {unknown}
{f'  unless on ({_PLAN}) plan:dbs_condition:holds{{state=~"{"|".join(worse)}"}}' + chr(10) if worse else ""})
"""
    return f"{found}or 0 * {plans}\n"


def _alert(condition: Condition, state: State, alert: Alert, wishes: Wishes) -> dict[str, Any]:
    phrases = texts(wishes.language)
    words, text = phrases["words"], phrases["conditions"][condition.name][state]
    stop = "。" if wishes.language == "zh" else "."
    where = words[condition.of if condition.of in _OF_REGIONS else "plan"]
    task = f" {words[condition.of]}:" if condition.of.endswith("_task") else ""
    parts = [f"{where}:{task} {text['means']} ({words['since']}){stop} {text['do']}"]
    if condition.of == "plan":
        parts[-1] += "".join(_time_left(condition, state, wishes))
    if condition.of == "plan" and alert.severity != "info":
        parts.append(words["loses"])
    rule = {
        "alert": alert.name,
        "expr": _raised(condition, state),
        "for": "2m",
        "keep_firing_for": "15m",
        # The team of a plan comes with its series.
        "labels": {"severity": alert.severity, **({"team": TEAM} if condition.of in _OF_REGIONS else {})},
        "annotations": {"summary": text["summary"], "description": " ".join(parts)},
    }
    return _finished(rule, _BOARDS[condition.of], wishes)


def _time_left(condition: Condition, state: State, wishes: Wishes) -> Iterator[str]:
    """Yield the sentence of how long it takes until the condition holds in the next worse state that alerts."""
    worse = [other for other in condition.alerts if STATES.index(other) < STATES.index(state)]
    if worse:
        phrases = texts(wishes.language)
        becomes = phrases["conditions"][condition.name][worse[-1]]["summary"]
        yield (
            phrases["words"]["left"]
            .replace("CONDITION", condition.name)
            .replace("STATE", worse[-1])
            .replace("BECOMES", becomes)
        )


_TIMESTAMP = re.compile(r"{{ ?([^{}]*?) \| humanizeTimestamp ?}}")
_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")


def _clock_times(text: str, wishes: Wishes) -> str:
    """Return a text whose times are to the second in UTC, and beside that as clocks elsewhere show them."""
    offset = wishes.utc_offset or ("+08:00" if wishes.language == "zh" else None)
    there = ""
    if offset is not None:
        found = _OFFSET.fullmatch(offset)
        if found is None:
            raise ValueError(f"{offset!r} is no offset from UTC; write one such as +08:00")
        nanoseconds = int(f"{found[1]}{int(found[2]) * 60 + int(found[3])}") * 60_000_000_000
        there = f' ({{{{ ((\\1 | toTime).Add {nanoseconds}).UTC.Format "2006-01-02 15:04:05" }}}} {offset})'
    return _TIMESTAMP.sub(f'{{{{ (\\1 | toTime).UTC.Format "2006-01-02 15:04:05" }}}} UTC{there}', text)


def _raised(condition: Condition, state: State) -> str:
    """Return when an alert is raised: not while the condition holds in a worse state, nor an earlier one of ONE_CRITICAL alerts."""
    identity = _IDENTITY[condition.of][1]
    owned = condition.of not in _OF_REGIONS
    worse = [other for other in condition.alerts if STATES.index(other) < STATES.index(state)]
    series = f"{condition.of}:dbs_condition:{'alerting' if owned else 'holds'}"
    by = f"{identity}, owner, team, tier" if owned else identity
    expr = f'max by ({by}) ({series}{{condition="{condition.name}",state="{state}"}})\n'
    if worse:
        expr += (
            f"unless on ({identity}) "
            f'{condition.of}:dbs_condition:holds{{condition="{condition.name}",state=~"{"|".join(worse)}"}}\n'
        )
    if condition in ONE_CRITICAL and condition.alerts[state].severity == "critical":
        for earlier in ONE_CRITICAL[: ONE_CRITICAL.index(condition)]:
            for other, alert in earlier.alerts.items():
                if alert.severity == "critical":
                    expr += f'unless on ({_PLAN}) plan:dbs_condition:alerting{{condition="{earlier.name}",state="{other}"}}\n'
    if condition.of == "gateway":
        # Plans of any region may back up through it.
        expr += "and on (account, gateway_id) (max by (account, gateway_id) (dbs_gateway_plans) > 0)\n"
    return expr


def _finished(rule: dict[str, Any], board: str, wishes: Wishes) -> dict[str, Any]:
    """Return a rule with the labels and addresses that are wished for."""
    name = rule["alert"]
    for part in ("summary", "description"):
        rule["annotations"][part] = _clock_times(rule["annotations"][part], wishes)
    rule["labels"] |= wishes.labels
    if wishes.team is not None and rule["labels"].get("team") == TEAM:
        rule["labels"]["team"] = wishes.team
    if name in wishes.severities:
        rule["labels"]["severity"] = wishes.severities[name]
    folder = "" if wishes.language == "en" else f"{wishes.language}/"
    rule["annotations"]["runbook_url"] = f"{wishes.runbooks.rstrip('/')}/{folder}{name}.md"
    rule["annotations"]["dashboard_url"] = f"{wishes.grafana.rstrip('/')}/d/{board}"
    if wishes.exporter is not None:
        plan = "?q={{ $labels.plan_id }}" if "plan_id" in board else ""
        rule["annotations"]["status_url"] = f"{wishes.exporter.rstrip('/')}/{plan}"
    return rule


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _written(groups: list[dict[str, Any]]) -> str:
    head = "# Made by `dbs-exporter rules`; what is changed here is lost.\n"
    return head + yaml.dump(
        {"groups": groups}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120
    )

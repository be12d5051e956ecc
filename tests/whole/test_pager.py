"""The whole, with nothing replaced but the cloud: every incident pages who it should, and mending it says so."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.pager import PATIENCE_SECONDS, Message, Notice, Site, site, until
from support.programs import tool
from support.rule_fixtures import ALERTS

from dashboards.source.queries import PanelQuery, boards, queries, since_seconds
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.simulator import INCIDENTS

pytestmark = pytest.mark.xdist_group("paging")

EXPECTED: Mapping[str, tuple[str, ...]] = {
    "failed_full_backup": ("DBSFullBackupFailed", "DBSFullBackupMissed", "DBSFullBackupOverdue"),
    "repeatedly_failing_full_backup": ("DBSFullBackupFailed", "DBSFullBackupOverdue"),
    "missed_schedule": ("DBSFullBackupOverdue",),
    "shrunken_backup": ("DBSFullBackupSizeAnomaly",),
    "log_backup_paused": ("DBSLogBackupOff",),
    "log_hole": ("DBSRecoveryGap",),
    # What is wrong with plans behind it the gateway explains.
    "offline_gateway": (),
    "stuck_restore": ("DBSRestoreLate",),
    "failed_precheck": ("DBSPrecheckFailed", "DBSNoRecoveryPoint"),
    "locked_plan": ("DBSPlanNotRunning", "DBSRecoveryPointBreached"),
    "expiring_prepaid_plan": ("DBSPlanExpiresSoon",),
    "last_good_expiring": ("DBSFullBackupFailed", "DBSFullBackupMissed", "DBSFullBackupOverdue", "DBSLastGoodBackupExpiring"),
    "never_succeeded": ("DBSNoRecoveryPoint", "DBSFullBackupFailed"),
    "failed_restore": ("DBSRestoreFailed",),
    "failed_download": ("DBSDownloadFailed",),
    # Later ones have ended: nothing is stuck, and nobody is woken.
    "orphaned_job": (),
    # A pause is meant, so it is a ticket and explains what gets old by it.
    "paused_plan": ("DBSPlanNotRunning",),
    "failing_without_log": ("DBSFullBackupFailed", "DBSFullBackupOverdue"),
    "stuck_in_schedule": ("DBSFullBackupStuck", "DBSFullBackupOverdue"),
}  # fmt: skip
"""Incident -> the alerts about each plan that it hits."""
BY_THE_HOUR = {
    ("failed_full_backup", "DBSFullBackupMissed"): "in the first hours the last good one is not old enough",
    ("failed_full_backup", "DBSFullBackupOverdue"): "as above",
    ("last_good_expiring", "DBSFullBackupMissed"): "as above",
    ("last_good_expiring", "DBSFullBackupOverdue"): "as above",
    (
        "locked_plan",
        "DBSFullBackupMissed",
    ): "only if a full backup was due in the five hours since it was locked",
    ("locked_plan", "DBSFullBackupOverdue"): "as above",
    ("last_good_expiring", "DBSLastGoodBackupExpiring"): "of two critical alerts only the first is raised",
}
"""Alerts that come or not by the time of day, since Prometheus knows only the real one; they are neither demanded nor refused."""
OTHERS = {"DBSGatewayOffline", "DBSPlansExplained"}
HEARD, UNHEARD = "locked_plan", "failed_full_backup"
"""Incidents of two regions, of which the second's no longer answers at the end."""
KNOWN_SECONDS = FRESH_GRACE_SECONDS + 30
"""How long a region counts as known that is read every ten seconds, once the API does not answer."""
APART_SECONDS = 45.0
"""Between an outage of a region and that of all: longer than a message waits for other regions, with half a minute for what differs."""
NEVER_PROVEN = {"DBSRestoreTestOverdue"}
"""What is true of a healthy fleet too: no drill has ever been run for one plan in ten."""
MAY_BE_EMPTY = {
    (
        "exporter",
        "Values the documents do not know",
    ): "the simulated cloud says nothing that the documents lack",
    ("compliance", "Plans without an objective"): "every plan has one",
    ("plan", "Muted for"): "nobody's alerts are muted",
    ("plan", "Running backup"): "whether a full backup runs depends on the hour",
}
"""(board, panel) -> why it may show nothing."""


@dataclass
class Story:
    """What was seen, stage by stage."""

    homes: dict[str, str]
    gateway_plans: frozenset[str]
    plans: dict[str, dict[str, str]]
    firing: list[dict[str, str]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    empty: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    after: list[Notice] = field(default_factory=list)
    restarted: list[dict[str, str]] = field(default_factory=list)
    """What fires once an exporter that was killed has read everything again."""
    of_restart: list[Notice] = field(default_factory=list)
    """What was told of anew, or as over, from its death on."""
    blind: list[dict[str, Any]] = field(default_factory=list)
    blind_notices: list[Notice] = field(default_factory=list)
    pages: list[Message] = field(default_factory=list)
    """While everything was wrong."""
    later_pages: list[Message] = field(default_factory=list)
    """While it was mended."""
    blind_pages: list[Message] = field(default_factory=list)
    """While one region did not answer, and then none."""
    holds: list[dict[str, str]] = field(default_factory=list)
    states: dict[str, dict[str, str]] = field(default_factory=dict)
    """When -> plan -> its state."""
    engines: dict[str, tuple[object, object]] = field(default_factory=dict)
    """What was compared -> what Prometheus and VictoriaMetrics found."""
    doubts: list[Any] = field(default_factory=list)
    """Healthy collectors that VictoriaMetrics thought stale, be it for a moment."""

    def regions_of(self, incident: str) -> set[str]:
        return {self.plans[plan]["region"] for plan, home in self.homes.items() if home == incident}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Story]:
    """Everything goes wrong, is looked at, mended, and then one region of the cloud no longer answers."""
    for name in ("prometheus", "promtool", "victoria-metrics", "vmalert"):
        tool(name)
    tool("prometheus-alertmanager", "alertmanager")
    with site(tmp_path_factory.mktemp("paging"), seed=7) as running:
        world = running.world
        told = Story(
            homes={plan: name for name, plans in world.incident_plans.items() for plan in plans},
            gateway_plans=frozenset(world.incident_plans["offline_gateway"]),
            plans={plan: facts(running, plan) for plan in world.plan_ids("prod")},
        )
        everything_wrong(running, told)
        restarted(running, told)
        mended(running, told, unhurried=pytestconfig.getoption("--unhurried"))
        unanswered(running, told)
        yield told


def facts(running: Site, plan_id: str) -> dict[str, str]:
    spec = running.world.spec(plan_id)
    assert spec is not None
    return {
        "plan_name": spec.name, "region": spec.region, "database_type": spec.engine.database_type, "account": spec.account,
    }  # fmt: skip


def about_plans(labels: list[dict[str, str]]) -> dict[str, set[str]]:
    """Plan id -> names of its alerts."""
    found: dict[str, set[str]] = defaultdict(set)
    for alert in labels:
        if "plan_id" in alert:
            found[alert["plan_id"]].add(alert["alertname"])
    return dict(found)


def everything_wrong(running: Site, told: Story) -> None:
    def missing() -> list[tuple[str, str]]:
        found = about_plans(running.firing())
        return [
            (home, name)
            for plan, home in told.homes.items()
            for name in EXPECTED[home]
            if name not in found.get(plan, ()) and (home, name) not in BY_THE_HOUR
        ]

    until("every incident's alerts fire", lambda: not missing(), still=missing)
    read_again(running)
    told.firing, told.notices, told.alerts = running.firing(), running.receiver.firing(), running.alerts()
    told.pages = running.receiver.pages()
    told.holds = [
        each["metric"] for each in running.prometheus.ask("query", query="plan:dbs_condition:holds")["result"]
    ]
    told.states["wrong"] = states(running)
    compare(running, told)
    for name, content in boards().items():
        for query in queries(name, content):
            try:
                if not result(running, query, since_seconds(content)):
                    told.empty.append((name, query.panel))
            except ValueError as error:
                told.wrong.append(f"{name}: {query.panel}: {error}")


def read_again(running: Site) -> None:
    """Wait until whatever else is to come is there: it comes with the next readings."""
    # Some collectors have nothing to read again, or seldom.
    read = "min(dbs_exporter_collector_oldest_success_timestamp_seconds{collector!~'nodes|billing|prechecks|job_errors'})"
    at = float(running.prometheus.ask("query", query="time()")["result"][1])
    until("everything was read again", lambda: float(answer(running, read)) > at)
    until("everybody is told", running.settled)


def restarted(running: Site, told: Story) -> None:
    """The exporter dies in the middle of every incident, and another goes on with its state."""
    before, known = len(running.receiver.notices), set(running.receiver.state())
    running.exporter.restart()
    read_again(running)
    told.restarted = running.firing()
    told.of_restart = [
        notice
        for notice in running.receiver.notices[before:]
        if notice.status == "resolved" or notice.key not in known
    ]


def states(running: Site) -> dict[str, str]:
    """Plan -> the state that is recorded."""
    found = running.prometheus.ask("query", query="plan:dbs_protection:state == 1")["result"]
    return {each["metric"]["plan_id"]: each["metric"]["state"] for each in found}


def compare(running: Site, told: Story) -> None:
    """Ask both engines, which see the same exporter, until they say the same; VictoriaMetrics shows what is 30 s old."""

    def keys(found: list[dict[str, str]]) -> frozenset[tuple[tuple[str, str], ...]]:
        return frozenset(tuple(sorted(labels.items())) for labels in found)

    def both() -> dict[str, tuple[object, object]]:
        found: dict[str, tuple[object, object]] = {
            "alerts": (keys(running.firing()), keys(running.victoria.firing()))
        }
        for query in ('{__name__=~".+:dbs_.+"}', "plan:dbs_protection:state == 1"):
            of_prometheus, of_victoria = (
                [each["metric"] for each in result]
                for result in (
                    running.prometheus.ask("query", query=query)["result"],
                    running.victoria.ask(query),
                )
            )
            found[query] = (keys(of_prometheus), keys(of_victoria))
        return found

    def same() -> bool:
        told.engines = both()
        return all(one == other for one, other in told.engines.values())

    try:
        until("both engines find the same", same)
    except AssertionError:
        return  # which the test shows
    told.engines["rules that failed"] = ([], running.victoria.failing_rules())
    told.doubts = running.victoria.ask('count_over_time(ALERTS{alertname="DBSExporterCollectorStale"}[1h])')


def answer(running: Site, query: str) -> str:
    found = running.prometheus.ask("query", query=query)["result"]
    return str(found[0]["value"][1]) if found else "0"


def result(running: Site, query: PanelQuery, since: float) -> list[Any]:
    """What a panel would get."""
    if query.instant:
        found: list[Any] = running.prometheus.ask("query", query=query.expression)["result"]
        return found
    now = float(running.prometheus.ask("query", query="time()")["result"][1])
    step = query.interval_seconds or max(15, since / 400)
    ranged: list[Any] = running.prometheus.ask(
        "query_range", query=query.expression, start=now - since, end=now, step=step
    )["result"]
    return ranged


def mended(running: Site, told: Story, *, unhurried: bool) -> None:
    def held() -> list[dict[str, str]]:
        """What still fires for its own reason, and not because it is kept for a while."""
        return [
            alert["labels"]
            for alert in running.prometheus.ask("alerts")["alerts"]
            if alert["labels"]["alertname"] not in NEVER_PROVEN and "keepFiringSince" not in alert
        ]

    running.world.set_incidents(())
    until("no alert has a reason any more", lambda: not held())
    if not unhurried:
        # Rules keep an alert for a quarter of an hour more; a Prometheus that starts anew does not, so nobody need wait for that.
        running.prometheus.restart()
        until("Prometheus has read the exporter again", lambda: answer(running, "sum(up)") == "1")
    until(
        "everything is resolved",
        lambda: (
            not [
                notice
                for notice in running.receiver.firing()
                if notice.name not in NEVER_PROVEN and notice.receiver != "digest"
            ]
        ),
        patience=1800 if unhurried else PATIENCE_SECONDS,
    )
    told.left, told.after = running.firing(), list(running.receiver.state().values())
    told.later_pages = running.receiver.pages()[len(told.pages) :]
    told.states["mended"] = states(running)


def unanswered(running: Site, told: Story) -> None:
    running.world.begin(HEARD, UNHEARD)
    wanted = {plan for name in (HEARD, UNHEARD) for plan in running.world.incident_plans[name]}
    until("the incidents fire", lambda: wanted <= set(about_plans(running.firing())))
    until("everybody is told", running.settled)
    regions = told.regions_of(UNHEARD)
    before = len(running.receiver.pages())
    running.simulator.set_faults([{"kind": "unavailable", "region": region} for region in regions])
    # The outage of all begins when the first region's message is out, as long as it takes to be called blind.
    threading.Event().wait(APART_SECONDS)
    running.simulator.set_faults([{"kind": "unavailable"}])

    def blind() -> set[str]:
        return {alert["region"] for alert in running.firing() if alert["alertname"] == "DBSExporterBlind"}

    every_region = {plan["region"] for plan in told.plans.values()}
    until(
        "the exporter is called blind", lambda: blind() >= regions, patience=PATIENCE_SECONDS + KNOWN_SECONDS
    )
    until("it is called blind for all", lambda: blind() >= every_region)
    until(
        "it is told of all",
        lambda: (
            {
                notice.labels["region"]
                for notice in running.receiver.firing()
                if notice.name == "DBSExporterBlind"
            }
            >= every_region
        ),
    )
    until("everybody is told", running.settled)
    told.blind, told.blind_notices = running.alerts(), running.receiver.firing()
    told.blind_pages = running.receiver.pages()[before:]


def test_every_incident_fires_its_alerts_and_no_other(story: Story) -> None:
    """About each plan exactly what its incident means, about healthy plans nothing, and one gateway is gone."""
    found = about_plans(story.firing)
    by_hour = set(BY_THE_HOUR)

    for plan in story.plans:
        home = story.homes.get(plan, "")
        expected = {
            *EXPECTED.get(home, ()),
            *NEVER_PROVEN,
            *(name for where, name in by_hour if where == home),
        }
        demanded = {name for name in EXPECTED.get(home, ()) if (home, name) not in by_hour}
        assert demanded <= found.get(plan, set()) <= expected, f"{home} {plan}"
    others = {alert["alertname"] for alert in story.firing if "plan_id" not in alert}
    assert others == OTHERS


def test_a_restart_in_the_middle_of_every_incident_changes_no_alert(story: Story) -> None:
    """Of an exporter that was killed the next one takes over; nothing resolves, and nothing fires that did not before."""

    def keys(alerts: list[dict[str, str]]) -> set[tuple[tuple[str, str], ...]]:
        return {tuple(sorted(labels.items())) for labels in alerts}

    assert keys(story.restarted) == keys(story.firing)
    assert story.of_restart == []


def test_everything_that_fires_arrives(story: Story) -> None:
    """The receivers hear of each incident; a gateway that is gone is one page, and not one for each plan behind it."""
    heard = about_plans([notice.labels for notice in story.notices])

    assert heard == about_plans(story.firing)
    assert set(heard) == {plan for plan, incident in story.homes.items() if EXPECTED[incident]}
    assert "DBSGatewayOffline" in {notice.name for notice in story.notices}


def told_by(pages: list[Message], plan: str) -> list[str]:
    """Names of the alerts about a plan in messages to a pager, one for each message that brought a new one."""
    told = (labels for page in pages for labels in map(dict, page.firing))
    return list(dict.fromkeys(labels["alertname"] for labels in told if labels.get("plan_id") == plan))


def test_an_incident_makes_at_most_one_pager_message(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its begin until it is mended a plan, or a gateway, is in one message to a pager at most; a pause is in none."""
    with capsys.disabled():
        print(f"\n{table(story)}")
    wakes = {plan: told_by([*story.pages, *story.later_pages], plan) for plan in story.plans}

    assert {plan: names for plan, names in wakes.items() if len(names) > 1} == {}
    assert not [
        names
        for plan, names in wakes.items()
        if story.homes.get(plan) in ("paused_plan", "offline_gateway") and names
    ]
    gateways = [labels for page in story.pages for labels in map(dict, page.firing) if "gateway_id" in labels]
    assert len({labels["gateway_id"] for labels in gateways}) == 1
    assert len({page.group for page in story.pages}) <= len({plan["region"] for plan in story.plans.values()})


def test_nobody_is_woken_while_it_is_mended(story: Story) -> None:
    """Nor while the plans behind the gateway catch up with their log."""
    assert story.later_pages == []


def test_an_outage_of_the_api_is_one_page_an_account(story: Story) -> None:
    """One message for the region that does not answer, and one for all others that then do not."""
    first, *others = story.blind_pages
    regions = [
        {labels["region"] for labels in map(dict, page.firing) if labels["alertname"] == "DBSExporterBlind"}
        for page in (first, *others)
    ]

    assert regions[0] == story.regions_of(UNHEARD)
    assert len(others) == 1
    assert len({page.group for page in story.blind_pages}) == 1


def table(story: Story) -> str:
    """Each incident: what holds, what fires, what woke somebody, and the state before and after it was mended."""
    lines = [
        "| incident | conditions | alerts | pager messages | state | mended |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    firing = about_plans(story.firing)
    for plan, home in sorted(story.homes.items(), key=lambda each: each[1]):
        held = sorted({each["condition"] for each in story.holds if each["plan_id"] == plan})
        cells = (
            home, ", ".join(held), ", ".join(sorted(firing.get(plan, ()))), str(len(told_by(story.pages, plan))),
            story.states["wrong"].get(plan, ""), story.states["mended"].get(plan, ""),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def difference(one: Any, other: Any) -> tuple[list[Any], list[Any]]:
    """What only one and what only the other has."""
    return sorted(each for each in one if each not in other), sorted(
        each for each in other if each not in one
    )


def test_both_engines_find_the_same(story: Story) -> None:
    """Prometheus and VictoriaMetrics, with the same exporter and rules: the same alerts, recorded series and states."""
    assert {what: difference(*found) for what, found in story.engines.items() if found[0] != found[1]} == {}
    assert len(story.engines) == 4


def test_what_is_read_in_time_is_not_stale_to_an_engine_that_answers_late(story: Story) -> None:
    """VictoriaMetrics answers with what is 30 s old; no healthy collector looks stale by that, not for a moment."""
    assert story.doubts == []


def test_each_notice_goes_to_its_receiver_with_labels_and_text(story: Story) -> None:
    """Severity and team choose the receiver; the text names plan, database, region and account, and leads to the runbook."""
    for notice in story.notices:
        rule = ALERTS[notice.name]
        kind = {"critical": "pager", "warning": "tickets"}.get(notice.labels["severity"])
        assert notice.receiver == (f"{notice.labels['team']}-{kind}" if kind else "digest")
        assert rule["labels"].items() <= notice.labels.items()
        assert notice.annotations["summary"] == rule["annotations"]["summary"]
        assert notice.annotations["runbook_url"].endswith(f"/{notice.name}.md")
        assert "<" not in notice.annotations["description"]  # <no value>, <error expanding template>
        if "plan_id" in notice.labels:
            plan = story.plans[notice.labels["plan_id"]]
            for text in (notice.labels["plan_id"], *plan.values()):
                assert text in notice.annotations["description"]
            assert f"var-plan={notice.labels['plan_id']}" in notice.annotations["dashboard_url"]


def test_mending_resolves_every_alert(story: Story) -> None:
    """Once nothing is wrong, nothing fires, and whoever was told of an alert is told that it is over."""
    assert [alert for alert in story.left if alert["alertname"] not in NEVER_PROVEN] == []
    told = {
        notice.key
        for notice in story.notices
        if notice.name not in NEVER_PROVEN and notice.receiver != "digest"
    }
    assert told <= {notice.key for notice in story.after if notice.status == "resolved"}


def test_an_exporter_that_is_blind_is_one_page_and_silences_nothing_that_was_known(story: Story) -> None:
    """Regions that do not answer page once; what was last known of their plans goes on."""
    known = [
        alert
        for alert in story.blind
        if alert["labels"]["alertname"] in ("DBSFullBackupFailed", "DBSPlanNotRunning")
    ]

    assert {
        notice.labels["region"] for notice in story.blind_notices if notice.name == "DBSExporterBlind"
    } >= {plan["region"] for plan in story.plans.values()}
    assert {notice.receiver for notice in story.blind_notices if notice.name == "DBSExporterBlind"} == {
        "platform-pager"
    }
    assert {alert["labels"]["region"] for alert in known} > story.regions_of(UNHEARD)
    assert {alert["status"]["state"] for alert in known} == {"active"}


def test_every_query_of_every_panel_is_understood(story: Story) -> None:
    """Prometheus refuses none of the boards' queries."""
    assert story.wrong == []


def test_every_panel_has_data(story: Story) -> None:
    """With thirty days of past and every incident no query is empty, but for a few with a reason."""
    assert len(MAY_BE_EMPTY) <= 5
    assert set(story.empty) - set(MAY_BE_EMPTY) == set()


def test_the_expectations_cover_every_incident() -> None:
    """An incident that is new to the simulator needs its alerts here."""
    assert set(EXPECTED) == set(INCIDENTS)
    assert {name for names in EXPECTED.values() for name in names} <= set(ALERTS)

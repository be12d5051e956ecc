"""For each part of an alert's expression, what makes that part alone decide: every `or`, every exception, both sides of a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from support.rule_cases import (
    CALLS,
    FRESH,
    FRESH_LIST,
    OF,
    OF_FULL,
    OFFSET,
    READ_FULL,
    STRETCH,
    falls,
)
from support.rule_world import DAY, HOUR, SOON, Line, Series, of_job, of_other, of_peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A change of the healthy fleet, and whether the alert fires by it."""

    what: str
    change: Series
    fires: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


def both_sides(what: str, fires: Series, quiet: Series, **labels: str) -> tuple[Arm, Arm]:
    """A threshold: just beyond it, and just before."""
    return (
        Arm(what=f"{what}: beyond", change=fires, labels=labels),
        Arm(what=f"{what}: before", change=quiet, fires=False),
    )


T = 90 * 60.0
"""When they are judged, in seconds. Rules are evaluated each five minutes: what waits (`for`) must hold at T - 300 already, and what
is kept firing for a quarter of an hour must have ended before that."""
PLANS_READ = 'dbs_exporter_collector_last_success_timestamp_seconds{collector="plans"}'
PLANS_GOOD = 'dbs_exporter_collector_success{collector="plans"}'
PEER_INSTANCE = "peer-exporter:10033"
OF_REGIONS = 'dbs_exporter_collector_%s{collector="regions"}'


def stale(*facts: str, since: float = -HOUR) -> Series:
    """What was not read again in time of the first plan."""
    return {FRESH % name: since for name in facts}


def stale_everywhere(*facts: str, since: float = -HOUR) -> Series:
    """The same of all plans of the region."""
    of_first = stale(*facts, since=since)
    return {**of_first, **{of_other(key): value for key, value in of_first.items()}}


def unlisted(since: float = -HOUR) -> Series:
    """The same of all that plan lists bring."""
    return {**stale_everywhere("plans", "recovery", since=since), FRESH_LIST % "plans": since}


OF_JOB = {"job": "backup"}
WHOSE_JOB = {**OF_JOB, "instance": "backup:9300"}
CATCHING_UP: Series = {"dbs_exporter_catching_up": 1}
PEER_BUILD = of_peer("dbs_exporter_build_info")
NAN = float("nan")
NEVER_LISTED: Series = {FRESH % "plans": None, of_other(FRESH % "plans"): None}
PLAN_ARMS: dict[str, tuple[Arm, ...]] = {
    "DBSProtectionUnknown": (
        *both_sides("five minutes", stale("recovery", since=T - 330), stale("recovery", since=T - 270)),
        Arm(what="never read, and that is late", change={READ_FULL: None, **stale("recovery", "full_backups")}),
        Arm(what="never read, and that is to come", change={READ_FULL: None, **stale("recovery")}, fires=False),
        Arm(what="read again after a long absence", change={**stale("recovery"), **CATCHING_UP}, fires=False),
        Arm(what="never read, and nobody is to", change={READ_FULL: None, FRESH % "full_backups": None, **stale("recovery")}),
    ),
}  # fmt: skip
OTHER_ARMS: dict[str, tuple[Arm, ...]] = {
    "DBSExporterBlind": (
        *both_sides("five minutes past what was planned", unlisted(T - 330), unlisted(T - 270), collector="plans"),
        Arm(
            what="another exporter of the region, while this one is well",
            change={
                of_job(key): -HOUR
                for key in (FRESH_LIST % "plans", FRESH % "plans", of_other(FRESH % "plans"), PLANS_READ)
            },
            labels={"collector": "plans", **OF_JOB},
        ),
        Arm(what="nothing after a long absence", change={**unlisted(), **CATCHING_UP}, labels={"collector": "plans"}),
        Arm(
            what="a list that breaks off",
            change={FRESH_LIST % "plans": -HOUR, FRESH % "plans": SOON}, fires=False,
        ),
        Arm(
            what="the plan list was never read",
            change={PLANS_GOOD: 0, PLANS_READ: None, FRESH_LIST % "plans": None, **NEVER_LISTED},
            labels={"collector": "plans"},
        ),
        Arm(
            what="the plan list was never whole",
            change={PLANS_GOOD: 0, PLANS_READ: None, FRESH_LIST % "plans": None}, fires=False,
        ),
        Arm(
            what="the plan list was refused from the start",
            change={
                'dbs_exporter_collector_permitted{collector="plans"}': 0, PLANS_READ: None,
                FRESH_LIST % "plans": None, **NEVER_LISTED,
            },
            labels={"collector": "plans"},
        ),
        Arm(what="the last reading failed", change={PLANS_GOOD: 0}, fires=False),
        Arm(what="the last reading was refused", change={'dbs_exporter_collector_permitted{collector="plans"}': 0}, fires=False),
        Arm(
            what="the regions were never read",
            change={OF_REGIONS % "success": 0, OF_REGIONS % "subjects": 1},
            labels={"collector": "regions"},
        ),
        Arm(
            what="the regions were refused from the start",
            change={OF_REGIONS % "success": 1, OF_REGIONS % "permitted": 0, OF_REGIONS % "subjects": 1},
            labels={"collector": "regions"},
        ),
        Arm(
            what="one shard never read the regions, another did",
            change={
                OF_REGIONS % "success": 1, OF_REGIONS % "subjects": 1,
                OF_REGIONS % "last_success_timestamp_seconds": Line(-20.0), of_peer(OF_REGIONS % "success"): 0,
            },
            labels={"collector": "regions"},
        ),
        Arm(
            what="regions were read once",
            change={OF_REGIONS % "success": 0, OF_REGIONS % "subjects": 1, OF_REGIONS % "last_success_timestamp_seconds": -HOUR},
            fires=False,
        ),
        *both_sides(
            "no full backup any more", stale_everywhere("full_backups", since=T - 330), stale_everywhere("full_backups", since=T - 270), **OF_FULL
        ),
        Arm(
            what="no full backup and no plan list: only the worse",
            change={**unlisted(), **stale_everywhere("full_backups")}, labels={"collector": "plans"},
        ),
        Arm(what="no full backup of one plan", change=stale("full_backups"), fires=False),
        Arm(what="no log file, but windows", change=stale_everywhere("log_backups"), fires=False),
        Arm(
            what="no log file and no window", change=stale_everywhere("log_backups", "recovery"),
            labels={"collector": "incremental_backups"},
        ),
    ),
    "DBSExporterCollectorStale": (
        *both_sides(
            "a quarter of an hour past what was planned",
            stale("full_backups", since=T - 930), stale("full_backups", since=T - 870), **OF_FULL,
        ),
        Arm(what="read long ago, as planned", change={OF % "oldest_success_timestamp_seconds": -HOUR}, fires=False),
        Arm(what="read again after a long absence", change={**stale("full_backups"), **CATCHING_UP}, fires=False),
        Arm(
            what="another exporter's of the region, while this one's are fresh",
            change={of_job(FRESH % "full_backups"): -HOUR, of_job(OF % "permitted"): 1},
            labels={**OF_FULL, **OF_JOB},
        ),
        Arm(
            what="one shard has not read the regions for days, another has",
            change={
                OF_REGIONS % "permitted": 1, OF_REGIONS % "failed_subjects": 0,
                OF_REGIONS % "last_success_timestamp_seconds": Line(-20.0),
                of_peer(OF_REGIONS % "failed_subjects"): 1,
                of_peer(OF_REGIONS % "last_success_timestamp_seconds"): -2 * DAY,
            },
            labels={"collector": "regions"},
        ),
        Arm(
            what="one shard fails to read the regions now, another has not for long",
            change={
                OF_REGIONS % "permitted": 1, OF_REGIONS % "failed_subjects": 0,
                OF_REGIONS % "last_success_timestamp_seconds": -2 * DAY,
                of_peer(OF_REGIONS % "failed_subjects"): 1,
                of_peer(OF_REGIONS % "last_success_timestamp_seconds"): Line(-20.0),
            },
            fires=False,
        ),
        Arm(what="log files", change=stale("log_backups"), labels={"collector": "incremental_backups"}),
        Arm(what="ranges", change=stale("ranges"), labels={"collector": "restore_ranges"}),
        Arm(what="gateways", change={FRESH_LIST % "gateways": -HOUR}, labels={"collector": "gateways"}),
        Arm(what="a plan list that breaks off", change={FRESH_LIST % "plans": -HOUR}, labels={"collector": "plans"}),
        Arm(
            what="networks",
            change={FRESH_LIST % "networks": -HOUR, 'dbs_exporter_collector_permitted{collector="nodes"}': 1},
            labels={"collector": "nodes"},
        ),
        Arm(
            what="never read",
            change={OF % "success": 0, OF % "failed_subjects": 1, OF % "last_success_timestamp_seconds": None},
            labels=OF_FULL,
        ),
        Arm(what="one reading failed", change={OF % "success": 0, OF % "failed_subjects": 1}, fires=False),
        Arm(
            what="the first reading has not ended", change={OF % "last_success_timestamp_seconds": None}, fires=False,
        ),
        Arm(what="not permitted", change={**stale("full_backups"), OF % "permitted": 0}, fires=False),
        *both_sides(
            "the regions, for a day",
            {
                OF_REGIONS % "failed_subjects": 1, OF_REGIONS % "permitted": 1,
                OF_REGIONS % "last_success_timestamp_seconds": T - DAY - 930,
            },
            {
                OF_REGIONS % "failed_subjects": 1, OF_REGIONS % "permitted": 1,
                OF_REGIONS % "last_success_timestamp_seconds": T - DAY - 870,
            },
            collector="regions",
        ),
    ),
    "DBSExporterCredentialsFailing": (
        Arm(what="everything is denied", change={CALLS % "denied": Line(0, 1), CALLS % "success": 0}),
        Arm(what="nothing is called", change={CALLS % "success": 0}, fires=False),
        Arm(
            what="everything is denied to one shard, and nothing to another",
            change={of_peer(CALLS % "denied"): Line(0, 1), of_peer(CALLS % "success"): 0},
            labels={"instance": PEER_INSTANCE},
        ),
        Arm(
            what="one shard cannot refresh them",
            change={of_peer("dbs_exporter_credentials_refresh_failures_total"): Line(0, 1)},
            labels={"instance": PEER_INSTANCE},
        ),
    ),
    "DBSExporterCredentialsExpiring": (
        *both_sides(
            "five minutes",
            {"dbs_exporter_credentials_expires_timestamp_seconds": T - 10},
            {"dbs_exporter_credentials_expires_timestamp_seconds": T + 310},
        ),
        Arm(
            what="those of one shard",
            change={of_peer("dbs_exporter_credentials_expires_timestamp_seconds"): T - 10},
            labels={"instance": PEER_INSTANCE},
        ),
    ),
    "DBSExporterDown": (
        Arm(
            what="a job of any name",
            change={of_job("up"): 0, f"{of_job('dbs_exporter_build_info')}|1": NAN},
            labels=WHOSE_JOB,
        ),
        Arm(what="what is no exporter", change={of_job("up"): 0}, fires=False),
    ),
    "DBSExporterAbsent": (
        Arm(
            what="all are down, which says itself",
            change={
                **falls("dbs_exporter_build_info", 1, NAN), **falls(PEER_BUILD, 1, NAN), "up": 0, of_peer("up"): 0,
            },
            fires=False,
        ),
        Arm(
            what="nothing is scraped any more",
            change={
                **falls("dbs_exporter_build_info", 1, NAN), **falls(PEER_BUILD, 1, NAN), "up": None, of_peer("up"): None,
            },
        ),
        Arm(
            what="others are down",
            change={"dbs_exporter_build_info": None, PEER_BUILD: None, of_job("up"): 0},
        ),
    ),
    "DBSExporterScopeGone": (
        Arm(
            what="no exporter is left, which says itself",
            change={
                **falls(STRETCH, 1, NAN), **falls("dbs_exporter_build_info", 1, NAN), **falls(PEER_BUILD, 1, NAN),
            },
            fires=False,
        ),
    ),
    "DBSExporterReloadFailed": (
        Arm(
            what="one of two",
            change={of_peer("dbs_exporter_config_last_reload_successful"): 0}, labels={"instance": PEER_INSTANCE},
        ),
    ),
    "DBSExporterStateNotSaved": (
        Arm(
            what="one of two",
            change={of_peer("dbs_exporter_state_last_write_successful"): 0}, labels={"instance": PEER_INSTANCE},
        ),
    ),
    "DBSExporterThrottled": (
        *both_sides("a twentieth", {CALLS % "throttled": Line(0, 5.4)}, {CALLS % "throttled": Line(0, 5.1)}),
        Arm(
            what="one exporter of many",
            change={
                CALLS % "success": Line(0, 9000),
                of_peer(CALLS % "throttled"): Line(0, 10), of_peer(CALLS % "success"): Line(0, 100),
            },
            labels={"instance": PEER_INSTANCE},
        ),
    ),
    "DBSExporterAPIErrors": (
        *(
            Arm(what=outcome, change={CALLS % outcome: Line(0, 5.4)})
            for outcome in ("invalid", "server_error", "timeout", "unreachable", "bad_answer")
        ),
        Arm(
            what="one exporter of many",
            change={
                CALLS % "success": Line(0, 9000),
                of_peer(CALLS % "timeout"): Line(0, 10), of_peer(CALLS % "success"): Line(0, 100),
            },
            labels={"instance": PEER_INSTANCE},
        ),
        Arm(what="before a twentieth", change={CALLS % "invalid": Line(0, 5.1)}, fires=False),
        Arm(what="denied, which has its own", change={CALLS % "denied": Line(0, 50)}, fires=False),
    ),
    "DBSExporterCallBudget": (
        *both_sides("a fifth", {STRETCH: 1.21}, {STRETCH: 1.19}),
        *both_sides("an hour", {STRETCH: Line(1.2 - 0.0295, 0.001)}, {STRETCH: Line(1.2 - 0.0305, 0.001)}),
    ),
    "DBSExporterClockOffset": (
        *both_sides("behind", {OFFSET: 31}, {OFFSET: 29}),
        *both_sides("ahead", {OFFSET: -31}, {OFFSET: -29}),
    ),
    "DBSExporterNotPermitted": (
        Arm(
            what="refused to one of two that read the region",
            change={of_peer(OF % "permitted"): 0, of_peer(OF % "success"): 1}, labels=OF_FULL,
        ),
    ),
}  # fmt: skip

ARMS = {**PLAN_ARMS, **OTHER_ARMS}

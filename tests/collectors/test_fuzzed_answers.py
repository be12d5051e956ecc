"""Answers with odd fields: what is odd costs what is odd, and nothing that is served is made of it.

A fleet is read whole, a day passes, and it is read again: once as it is, and for each seed once more with some fields of its
records replaced by what no document allows. Every question is asked once and its answer kept, so all readings are of the same.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from support.fake_clock import FakeClock

from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.collectors.base import (
    AccountCollector,
    Api,
    OnPage,
    PlanCollector,
    PlanReading,
    Reading,
    RegionCollector,
)
from dbs_exporter.collectors.freshness import AGED
from dbs_exporter.collectors.table import TABLE, AnyCollector
from dbs_exporter.errors import ApiError
from dbs_exporter.facts.downloads import DOWNLOADS
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.job_errors import JOB_ERRORS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.prechecks import PRECHECKS
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES, STAGE_FIELDS
from dbs_exporter.facts.subjects import Scope, SubjectKey, key_of
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.family import IDENTITY, Family
from dbs_exporter.polling.store import Store
from dbs_exporter.simulator import World, start_simulator
from dbs_exporter.simulator.fleet import REGIONS
from dbs_exporter.simulator.tasks import Download, Restore

DAY = 86_400.0
FIRST = 1_789_960_000.0
"""When the fleet is read for the first time: at three in the morning, while a long backup runs."""
SECOND = FIRST + DAY
"""When it is read again, as it is and with odd fields."""
ACCOUNT = "demo"
WITHIN = 60.0
PROMISED = 600.0
"""For how long what was read is promised to be known."""

SEEDS = range(16)
SHARES = (0.0, 0.0, 0.003, 0.02, 0.04)
"""How many of the fields of a list are replaced; some lists are left alone, and must stay as they are."""
OBJECT_SHARE = 0.1
"""The same of an answer that is no list, and so has few."""

Place = tuple[SubjectKey, str]
"""A group of a subject: (the subject's key, the group's name)."""

# ── what is odd ──

NOTHINGS: tuple[object, ...] = (None, "", "NULL")
"""Any field may have no value, and that is nothing odd."""
NUMBERS: tuple[object, ...] = ("-1", -1)
NOVEL = "x" * 20_000
HALF = "odd" + chr(0xD800)
"""Ends in half a pair of surrogates."""
NONSENSE: tuple[object, ...] = (math.nan, math.inf, 10**30, [1], {"odd": 1}, NOVEL, HALF)
SECONDS = "seconds for milliseconds"
IN_5138 = 100_000_000_000_000

ENVELOPE = frozenset({"RequestId", "Success", "HttpStatusCode"})
READ: Mapping[str, Mapping[str, str]] = {
    "plans": {
        "BackupPlanId": "id",
        "BackupPlanRegion": "region",
        "BackupPlanName": "text",
        "BackupPlanStatus": "enum",
        "DatabaseType": "enum",
        "BackupMethod": "enum",
        "InstanceClass": "enum",
        "SourceEndpointInstanceType": "enum",
        "SourceEndpointInstanceID": "text",
        "SourceEndpointRegion": "text",
        "BackupGatewayId": "text",
        "ResourceGroupId": "text",
        "CrossAliyunId": "text",
        "BackupPlanCreateTime": "time",
        "InstanceExpiredTimestamp": "expiry",
        "EnableBackupLog": "flag",
        "BackupRetentionPeriod": "number",
        "LogBackupRetentionPeriod": "number",
        "IncrementBackupRetentionPeriod": "spare",
        "BackupPeriod": "enum",
        "BackupStartTime": "spare",
        "BeginTimestampForRestore": "time",
        "EndTimestampForRestore": "time",
        "BackupObjects": "spare",
        "ErrMessage": "message",
    },
    "full_backups": {
        "BackupSetId": "id",
        "BackupStatus": "status",
        "CreateTime": "time",
        "StartTime": "time",
        "EndTime": "time",
        "FinishTime": "time",
        "BackupSetExpiredTime": "expiry",
        "BackupSize": "number",
        "StorageMethod": "enum",
        "LogicalStructureBackupProgress": "number",
        "LogicalFullBackupProgress": "number",
        "BackupObjects": "spare",
        "ErrMessage": "message",
    },
    "log_backups": {
        "BackupSetId": "id",
        "BackupSetJobId": "part of an id",
        "SourceEndpointInstanceId": "part of an id",
        "SourceEndpointIpPort": "spare part of an id",
        "BackupStatus": "status",
        "StartTime": "time",
        "EndTime": "time",
        "BackupSetExpiredTime": "expiry",
        "BackupSize": "number",
        "StorageMethod": "enum",
    },
    "restores": {
        "RestoreTaskId": "id",
        "BackupPlanId": "text",
        "RestoreStatus": "status",
        "RestoreTaskName": "text",
        "RestoreTaskCreateTime": "time",
        "RestoreTaskFinishTime": "time",
        "RestoreTime": "time",
        **dict.fromkeys((name for _, name in STAGE_FIELDS), "number"),
        "DestinationEndpointInstanceType": "enum",
        "DestinationEndpointInstanceID": "text",
        "DestinationEndpointRegion": "text",
        "DestinationEndpointIpPort": "spare",
        "DestinationEndpointHost": "spare",
        "DestinationEndpointPort": "spare",
        "BackupGatewayId": "text",
        "RestoreDir": "text",
        "RestoreObjects": "spare",
        "BackupSetId": "text",
        "ErrMessage": "message",
    },
    "downloads": {
        "BackupSetDownloadTaskId": "id",
        "BackupPlanId": "text",
        "BackupSetDownloadStatus": "status",
        "BackupSetId": "text",
        "BackupSetDataFormat": "enum",
        "BackupSetDownloadWay": "enum",
        "BackupSetDownloadTargetType": "enum",
        "BackupGatewayId": "text",
        "BackupSetJobType": "text",
        "BackupSetDownloadTaskName": "text",
        "BackupSetDownloadDir": "text",
        "BackupSetCode": "text",
        "BackupSetDataSize": "number",
        "BackupSetDownloadCreateTime": "time",
        "BackupSetDownloadFinishTime": "time",
        "ErrMessage": "message",
    },
    "gateways": {
        "BackupGatewayId": "id",
        "BackupGatewayStatus": "status",
        "Identifier": "text",
        "DisplayName": "text",
        "SourceEndpointHostname": "text",
        "SourceEndpointInternetIP": "text",
        "SourceEndpointIntranetIP": "text",
        "BackupGatewayCreateTime": "time",
        "LastHeartbeatTime": "time",
    },
    "prechecks": {
        "Items": "spare",
        "PreCheckProgressDetail": "spare",
        "Status": "spare",
        "Progress": "spare",
        "Item": "id",
        "State": "status",
        "BootTime": "time",
        "FinishTime": "time",
        "ErrMsg": "message",
    },
    "job_errors": {"Item": "spare", "ErrorCode": "spare", "ErrorMessage": "spare"},
    "billing": {
        "Item": "spare",
        "BuyChargeType": "text",
        "BuySpec": "text",
        "BuyExpiredTimestamp": "expiry",
        "FullStorageSize": "number",
        "ContStorageSize": "number",
        "UsedFullBytes": "number",
        "UsedIncrementBytes": "number",
        "IsFreeBytesUnlimited": "flag",
        "TotalFreeBytes": "spare",
        "PaiedBytes": "number",
    },
    "ranges": {
        "Items": "spare",
        "DBSRecoverRange": "spare",
        "RangeType": "spare",
        "BeginTimestampForRestore": "refusing time",
        "EndTimestampForRestore": "refusing time",
        "FullBackupList": "spare",
        "FullBackupDetail": "spare",
        "EndTime": "refusing time",
    },
    "regions": {"Regions": "spare", "RegionCode": "spare"},
    "networks": {
        "InternetIPs": "spare",
        "InternetIP": "spare",
        "IntranetIPs": "spare",
        "IntranetIP": "spare",
    },
}
"""What each group reads: fields, and what stands in them. A `spare` one is read only where others allow it."""


def odd_values(kind: str) -> tuple[object, ...]:
    """What a field of this kind is replaced by. An id never becomes another text: that would be another record."""
    if kind == "id":
        return (*NOTHINGS, *NONSENSE)
    if kind.endswith("part of an id"):
        return NONSENSE
    times = (SECONDS, IN_5138) if kind in ("time", "expiry", "refusing time") else ()
    return (*NOTHINGS, *NUMBERS, *NONSENSE, *times)


def is_one_of(value: object, values: tuple[object, ...]) -> bool:
    """By identity, since NaN equals nothing."""
    return any(value is each for each in values)


def told_of(kind: str, value: object) -> bool:
    """Whether a field of this kind cannot be read then, or holds what no document lists, and so must be counted."""
    match kind:
        case "id" | "part of an id" | "status":
            return True
        case "region" | "enum" | "number" | "flag":
            return not is_one_of(value, NOTHINGS)
        case "text":
            return is_one_of(value, NONSENSE)
        case "message":
            # A long one is cut, and one that came broken is shown as it came.
            return is_one_of(value, NONSENSE) and value not in (NOVEL, HALF)
        case "time":
            return is_one_of(value, (*NONSENSE, SECONDS, IN_5138))
        case "expiry":
            return is_one_of(value, (*NONSENSE, *NUMBERS, SECONDS, IN_5138))
    return False


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """A field of a record that was replaced."""

    place: Place
    record: int
    plan_id: str
    field: str
    value: object

    @property
    def kind(self) -> str:
        """What should stand in it; empty if nobody reads it."""
        return READ[self.place[1]].get(self.field, "")


def give_pages(records: list[dict[str, Any]], on_page: OnPage | None) -> None:
    """Give a list page by page, as the client does."""
    for first in range(0, len(records), 100):
        if on_page is not None:
            on_page(records[first : first + 100], len(records))


class OddApi:
    """Answers for one group of one subject as another API does, with some fields replaced."""

    def __init__(self, api: Api, place: Place, seed: int) -> None:
        self.place = place
        self.listed = 0
        """How many records of lists it has given."""
        self.replaced: list[Replaced] = []
        self._api = api
        self._random = Random(f"{seed} {place}")
        self._share = self._random.choice(SHARES)
        self._records = 0

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        share = OBJECT_SHARE if self._share else 0.0
        return self._odd(self._api.call(operation, params, within=within), share)

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        records = self._api.pages(operation, params, within=within)
        self.listed += len(records)
        odd = [self._odd(record, self._share) for record in records]
        give_pages(odd, on_page)
        return odd

    def _odd(self, record: Mapping[str, Any], share: float) -> dict[str, Any]:
        self._records += 1
        number = self._records
        made: dict[str, Any] = {}
        for name, said in record.items():
            if name in ENVELOPE or self._random.random() >= share:
                made[name] = self._inside(said, share)
                continue
            value = self._random.choice(odd_values(READ[self.place[1]].get(name, "")))
            made[name] = said // 1000 if value is SECONDS else value
            plan_id = str(record.get("BackupPlanId"))
            self.replaced.append(
                Replaced(place=self.place, record=number, plan_id=plan_id, field=name, value=value)
            )
        return made

    def _inside(self, said: Any, share: float) -> Any:
        if isinstance(said, dict):
            return self._odd(said, share)
        if isinstance(said, list):
            return [self._inside(each, share) for each in said]
        return said


# ── the fleet, and what is read and served of it ──


class KeptApi:
    """Asks each question once and keeps the answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._answers: dict[str, Any] = {}

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._kept(self._client.call, operation, params, within)
        return answer

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self._kept(self._client.pages, operation, params, within)
        give_pages(answer, on_page)
        return answer

    def _kept(
        self, ask: Callable[..., Any], operation: str, params: Mapping[str, object], within: float | None
    ) -> Any:
        question = json.dumps([operation, sorted(params.items())])
        if question not in self._answers:
            self._answers[question] = ask(operation, params, within=within)
        return self._answers[question]


class SimulatorKey:
    """The access key that the simulator knows."""

    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret="testsk")


@dataclass
class Readings:
    """What came of reading everything."""

    at: float
    brought: dict[Place, Any] = field(default_factory=dict)
    told: dict[Place, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Fields with unknown values."""
    refused: dict[Place, ApiError] = field(default_factory=dict)


def put(store: Store, place: Place, brought: Any, at: float, without: Collection[Place] = ()) -> None:
    """Let the store take what a collector brought, as the poller does; and no plan of which the record is to be left out."""
    (account, region, plan_id), name = place
    scope, group = Scope(account=account, region=region), GROUPS[name]
    if plan_id:
        store.put_plan(scope, plan_id, group, brought, at)
        store.promise_plan(scope, plan_id, {name: at + PROMISED})
    elif region:
        store.put_region(scope, group, brought, at)
        store.promise_region(scope, name, at + PROMISED)
    else:
        store.put_account(account, group, brought, at)
    if group is PLANS:
        plans = [plan for plan in brought.plans if ((account, region, plan.plan_id), "plan") not in without]
        store.put_plans(
            scope,
            plans,
            whole=brought.whole and len(plans) == len(brought.plans),
            at=at,
            promised_until=at + PROMISED,
        )


def read_everything(store: Store, api_of: Callable[[Place], Api], at: float) -> Readings:
    """Let every collector of the table read all its subjects, in the order of the table."""
    readings = Readings(at=at)

    def read(collector: AnyCollector, place: Place, region: str, **more: Any) -> None:
        told = readings.told[place]
        given = {"api": api_of(place), "region": region, "now": at, "within": WITHIN, **more}
        given["unknown"] = lambda name: told.update([name])
        try:
            match collector:
                case PlanCollector():
                    brought: object = collector.read_group(PlanReading(**given))
                case RegionCollector() | AccountCollector():
                    brought = collector.read(Reading(**given))
        except ApiError as error:
            readings.refused[place] = error
        else:
            put(store, place, brought, at)
            readings.brought[place] = brought

    for collector in TABLE:
        name = collector.group.name
        if isinstance(collector, AccountCollector):
            read(collector, ((ACCOUNT, "", ""), name), REGIONS[0])
            continue
        for region in REGIONS:
            if isinstance(collector, RegionCollector):
                read(collector, ((ACCOUNT, region, ""), name), region)
                continue
            for subject in store.plans_of(Scope(account=ACCOUNT, region=region)):
                place = ((ACCOUNT, region, subject.plan.plan_id), name)
                read(collector, place, region, subject=subject)
    return readings


def fail_on_refused(family: str, key: SubjectKey, reason: str, sentence: str) -> None:
    raise AssertionError(f"{family} of {key}: {reason}: {sentence}")


def new_store() -> Store:
    return Store(objectives_for([]))


def plans_of(store: Store) -> set[SubjectKey]:
    return {key_of(subject) for subject in store.plan_subjects()}


GROUPS: Mapping[str, Group[Any]] = {collector.group.name: collector.group for collector in TABLE}
FAMILIES: Mapping[str, Family] = {family.name: family for family in TABLE.families}

Served = dict[tuple[str, SubjectKey], dict[str, float]]
"""By family and subject, each series and its value."""


def served_of(store: Store) -> Served:
    """Read back what /metrics has of a store; no row may be refused."""
    exposition = Exposition(TABLE.families, on_refused=fail_on_refused)
    store.subscribe(exposition.update)
    exposition.publish()
    served: Served = defaultdict(dict)
    for line in b"".join(exposition.page(openmetrics=False).identity).decode().splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name = series.partition("{")[0]
            said = dict(re.findall(r'[{,](account|region|plan_id)="([^"]*)"', series))
            of = FAMILIES[name].of
            key = tuple(said[label] if label in IDENTITY[of] else "" for label in IDENTITY["plan"])
            served[name, (key[0], key[1], key[2])][series] = float(value)
    return served


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A fleet that was read at FIRST, and may be asked about SECOND."""

    api: Mapping[str, KeptApi]
    first: Readings
    second: Readings

    def store(self, *, second_without: Collection[Place] | None = None) -> Store:
        """What is known after the first reading, or after the second if it brings all but these groups."""
        store = new_store()
        for place, brought in self.first.brought.items():
            put(store, place, brought, self.first.at)
        if second_without is not None:
            for place, brought in self.second.brought.items():
                if place not in second_without:
                    put(store, place, brought, self.second.at, second_without)
        return store


def add_tasks(world: World) -> None:
    """A plan that waits for its configuration, and tasks that are checked, run, end and fail between the two readings."""
    world.add_plan(ACCOUNT, REGIONS[0], {})
    for number, plan_id in enumerate(world.plan_ids(ACCOUNT)):
        for name, started, failed in (("ends", 60.0, False), ("fails", 90.0, True), ("waits", None, False)):
            if (number + len(name)) % 2:
                world.add_restore(
                    Restore(
                        task_id=f"{name}{number}",
                        plan_id=plan_id,
                        name=name,
                        created_at=FIRST - 100,
                        started_at=None if started is None else FIRST + started,
                        size_bytes=10**9,
                        kind="logical",
                        continuous=True,
                        target_at=FIRST - 200,
                        failed=failed,
                    )
                )
            else:
                world.add_download(
                    Download(
                        task_id=f"{name}{number}",
                        plan_id=plan_id,
                        name=name,
                        set_id="set",
                        code="set",
                        created_at=FIRST + (started or DAY - 60),
                        size_bytes=10**9,
                        failed=failed,
                    )
                )


@pytest.fixture(scope="module", params=[1, 2], ids=lambda number: f"fleet{number}")
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Read it at both times, as it is."""
    clock = FakeClock(FIRST)
    world = World(seed=request.param, plans=20, clock=clock.now, order="shuffled")
    add_tasks(world)
    with start_simulator(world) as simulator:

        def apis() -> dict[str, KeptApi]:
            return {
                region: KeptApi(
                    Client(
                        Scope(account=ACCOUNT, region=region),
                        simulator.url,
                        SimulatorKey(),
                        Pacer(1e6, 4, clock),
                        clock,
                        10.0,
                    )
                )
                for region in REGIONS
            }

        store = new_store()
        at_first = apis()
        first = read_everything(store, lambda place: at_first[place[0][1] or REGIONS[0]], FIRST)
        clock.advance(DAY)
        at_second = apis()
        second = read_everything(store, lambda place: at_second[place[0][1] or REGIONS[0]], SECOND)
        yield Fleet(api=at_second, first=first, second=second)


# ── what must hold ──

EXPIRIES = frozenset(
    {
        "dbs_plan_expires_timestamp_seconds",
        "dbs_plan_last_good_expires_timestamp_seconds",
        "dbs_full_backup_last_success_expires_timestamp_seconds",
        *(family.name for family in TABLE.families if "_condition_" in family.name),
    }
)
"""Families of times that lie ahead."""
NOT_HERE = frozenset(
    {
        "dbs_full_backup_orphaned_jobs",
        "dbs_plan_muted_from_timestamp_seconds",
        "dbs_plan_muted_info",
        "dbs_plan_muted_until_timestamp_seconds",
        "dbs_plan_owner_info",
        "dbs_region_condition_since_timestamp_seconds",
        "dbs_region_condition_until_timestamp_seconds",
        "dbs_region_plan_gone_timestamp_seconds",
    }
)
"""Families of which this fleet has nothing: no job is overtaken, no plan is muted or owned, none goes, no network changes."""
IN_2009 = 1_230_768_000.0

ASKS_ABOUT: Mapping[str, tuple[Group[Any] | str, ...]] = {
    RANGES.name: ("plan",),
    PRECHECKS.name: ("plan", RESTORES),
    JOB_ERRORS.name: (FULL_BACKUPS, RESTORES),
}
"""What decides what is asked about a plan for these groups."""


RESTS_ON: Mapping[str, tuple[Group[Any] | str, ...]] = {
    "dbs_plan_last_read_timestamp_seconds": tuple(collector.group for collector in AGED),
    "dbs_plan_fresh_until_timestamp_seconds": ("plan", *GROUPS.values()),
    "dbs_region_fresh_until_timestamp_seconds": tuple(GROUPS.values()),
}
"""Of families that change with each reading: when groups were read, and until when they are promised to be known."""


def touched_by(replaced: list[Replaced]) -> set[Place]:
    """The groups that may differ, and as "plan" and "objectives" the plans themselves."""
    touched: set[Place] = set()
    for each in replaced:
        if each.kind:
            (account, region, _), name = each.place
            touched.add(each.place)
            if name == PLANS.name:
                key = (account, region, each.plan_id)
                touched |= {(key, "plan"), (key, "objectives")}
    for key, name in list(touched):
        for other, about in ASKS_ABOUT.items():
            if name in (getattr(part, "name", part) for part in about):
                touched.add((key, other))
    return touched


def parts_of(family: Family) -> set[str]:
    """The names of what a family rests on."""
    parts = RESTS_ON.get(family.name) or family.reads
    return {part if isinstance(part, str) else part.name for part in parts}


def check_values(served: Served) -> None:
    """No NaN, nothing negative, no share above 1, no time before the cloud or after tomorrow."""
    for (name, _), series in served.items():
        for which, value in series.items():
            assert math.isfinite(value), which
            assert value >= 0, which
            if name.endswith("_ratio"):
                assert value <= 1, which
            if name.endswith("_timestamp_seconds"):
                assert value >= IN_2009, which
                assert name in EXPIRIES or value <= SECOND + DAY, which


def check_untouched(expected: Served, served: Served, touched: set[Place]) -> int:
    """What rests on untouched groups alone is as it would be without the odd fields. Returns how many series do."""
    compared = 0
    for name, key in {*served, *expected}:
        if touched.isdisjoint((key, part) for part in parts_of(FAMILIES[name])):
            assert served.get((name, key)) == expected.get((name, key)), (name, key)
            compared += len(served[name, key])
    return compared


def check_careful(expected: Served, served: Served, replaced: list[Replaced]) -> None:
    """Nothing looks better for an odd field: no counter counts more, no recovery point is newer, no orphan is invented."""
    odd = {each.place for each in replaced if each.kind}
    for (name, key), series in served.items():
        known = expected.get((name, key), {})
        if FAMILIES[name].type == "counter":
            assert set(series) == set(known)
            assert all(value <= known[which] for which, value in series.items()), (name, key)
        if name == "dbs_plan_recovery_point_timestamp_seconds":
            assert all(value <= known.get(which, 0.0) for which, value in series.items()), key
        if name == "dbs_plan_recovery_gaps" and (key, RANGES.name) not in odd:
            current = [(value, known[which]) for which, value in series.items() if 'scope="current"' in which]
            assert all(value >= expected for value, expected in current), key
        if name == "dbs_full_backup_orphaned_jobs":
            assert series == known, key


def check_sums(served: Served, readings: Readings, left_out: Mapping[tuple[Place, int], str]) -> None:
    """Numbers and bytes of a list of which a record was left out are not served."""
    families = {
        FULL_BACKUPS.name: ("dbs_full_backup_sets", "dbs_full_backup_sets_bytes"),
        LOG_BACKUPS.name: ("dbs_incremental_backup_files", "dbs_incremental_backup_files_bytes"),
        RESTORES.name: ("dbs_restore_tasks",),
        DOWNLOADS.name: ("dbs_download_tasks",),
    }
    for (key, name), _ in left_out:
        if (key, name) not in readings.refused:
            assert not [family for family in families.get(name, ()) if served.get((family, key))], (key, name)


def left_out_by(replaced: list[Replaced]) -> dict[tuple[Place, int], str]:
    """The records of lists that cannot be read as records, and the field that decides."""
    order = ("region", "id", "status")
    decides: dict[tuple[Place, int], Replaced] = {}
    for each in replaced:
        if each.kind not in order:
            continue
        if each.kind == "region" and not told_of("region", each.value):
            continue
        if each.kind == "status" and not (
            is_one_of(each.value, NOTHINGS) or (is_one_of(each.value, NONSENSE) and each.value != HALF)
        ):
            continue
        record = (each.place, each.record)
        before = decides.get(record)
        if before is None or order.index(each.kind) < order.index(before.kind):
            decides[record] = each
    return {record: each.field for record, each in decides.items()}


def check_told(
    readings: Readings, replaced: list[Replaced], left_out: Mapping[tuple[Place, int], str]
) -> int:
    """What cannot be read is counted, by field, and nothing else is. Gives how often."""
    least: dict[Place, Counter[str]] = defaultdict(Counter)
    most: dict[Place, Counter[str]] = defaultdict(Counter)
    for each in replaced:
        if each.kind:
            most[each.place][each.field] += 1
            if each.field == "PreCheckProgressDetail":
                # What is no object is an item without a name.
                most[each.place]["Item"] += 1
        decided_by = left_out.get((each.place, each.record), each.field)
        if decided_by == each.field and told_of(each.kind, each.value):
            least[each.place][each.field] += 1
    for place, told in readings.told.items():
        assert least[place] <= told <= most[place], (place, least[place], told, most[place])
    return sum(sum(told.values()) for told in readings.told.values())


def check_refused(readings: Readings, asked: list[OddApi], left_out: Mapping[tuple[Place, int], str]) -> None:
    """Only what is odd is refused: a list of which one record in ten is left out, and ranges that have one that cannot be read."""
    replaced = [each for api in asked for each in api.replaced]
    edges = ("BeginTimestampForRestore", "EndTimestampForRestore")
    asked_with = {
        ((*each.place[0][:2], each.plan_id), RANGES.name)
        for each in replaced
        if each.place[1] == PLANS.name and each.field in edges
    }
    assert set(readings.refused) <= asked_with | {each.place for each in replaced if each.kind}
    for each in replaced:
        if each.kind == "refusing time" and is_one_of(each.value, (*NONSENSE, SECONDS, IN_5138)):
            assert each.place in readings.refused, each
    for api in asked:
        if api.listed:
            lost = sum(place == api.place for place, _ in left_out)
            too_many = lost == api.listed if api.place[1] == PLANS.name else lost > api.listed / 10
            assert (api.place in readings.refused) == too_many, (api.place, lost, api.listed)


def test_the_fleet_is_read_without_anything_odd(fleet: Fleet) -> None:
    """What is compared with is whole, and has something of every family."""
    assert not fleet.first.refused
    assert not fleet.second.refused
    assert not [told for told in (*fleet.first.told.values(), *fleet.second.told.values()) if told]
    before, after = served_of(fleet.store()), served_of(fleet.store(second_without=()))
    check_values(before)
    check_values(after)
    assert {name for name, _ in after} >= set(FAMILIES) - NOT_HERE
    for family in TABLE.families:
        if family.type == "counter":
            counted = sum(sum(after[name, key].values()) for name, key in after if name == family.name)
            assert counted > 0, family.name


@pytest.mark.parametrize("seed", SEEDS)
def test_odd_fields_cost_what_is_odd(
    fleet: Fleet, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """No exception but the client's own, no series made of what is odd, and none lost that does not rest on it."""
    store = fleet.store()
    asked: list[OddApi] = []

    def api_of(place: Place) -> Api:
        asked.append(OddApi(fleet.api[place[0][1] or REGIONS[0]], place, seed))
        return asked[-1]

    readings = read_everything(store, api_of, SECOND)
    served = served_of(store)
    replaced = [each for api in asked for each in api.replaced]
    touched = touched_by(replaced)
    left_out = left_out_by(replaced)

    # What is refused stays as it was, and a plan whose record is left out.
    stays = set(readings.refused)
    for each in replaced:
        if each.place[1] == PLANS.name and (each.place, each.record) in left_out:
            key = (*each.place[0][:2], each.plan_id)
            stays |= {(key, "plan"), (key, "objectives")}
    expected = served_of(fleet.store(second_without=stays))
    check_values(served)
    check_refused(readings, asked, left_out)
    check_careful(expected, served, replaced)
    check_sums(served, readings, left_out)
    compared = check_untouched(expected, served, touched - stays)
    told = check_told(readings, replaced, left_out)
    assert plans_of(store) == plans_of(fleet.store(second_without=()))

    counts = {
        "fields replaced": len(replaced),
        "of them read": sum(bool(each.kind) for each in replaced),
        "counted as unknown": told,
        "records left out": sum(place not in readings.refused for place, _ in left_out),
        "groups refused": len(readings.refused),
        "series served": sum(map(len, served.values())),
        "series as without": compared,
    }
    for name, count in counts.items():
        record_property(name, count)
    print(f"seed {seed}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    assert all(counts.values())

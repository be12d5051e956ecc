"""When what is read, and until when it is promised: in order, under a budget, and never put off by being looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.polling import (
    DAY,
    HANGZHOU,
    HOUR,
    FakeCloud,
    Polling,
    Records,
    account_of,
    ages_of,
    full_backup,
    log_file,
    ms,
    polling_of,
)

from dbs_exporter import errors
from dbs_exporter.collectors import downloads
from dbs_exporter.collectors.base import Read
from dbs_exporter.collectors.dues import Due, Dues, Pace, periodic
from dbs_exporter.collectors.log_backups import WHOLE_LIST_SECONDS
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.facts.downloads import DOWNLOADS as DOWNLOADS_GROUP
from dbs_exporter.facts.full_backups import FULL_BACKUPS, full_backup_history, read_full_backup
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.subjects import PlanSubject, SubjectKey
from dbs_exporter.polling.budget import HOLD_SECONDS, STEP, WHOLE_LIST_SHARE
from dbs_exporter.polling.crowds import PHASE_SHARE
from dbs_exporter.polling.queue import Key
from dbs_exporter.polling.target import Ages

FULL = "DescribeFullBackupList"
LOGS = "DescribeIncrementBackupList"
DOWNLOADS = "DescribeBackupSetDownloadTaskList"
FOREVER = float("inf")


class Promises:
    """Every promise of every plan, as it went out, and those that were not kept, in Unix seconds."""

    def __init__(self, polling: Polling) -> None:
        self.clock = polling.clock
        self.now: dict[tuple[str, str], float] = {}
        self.broken: list[tuple[str, str, float]] = []
        """(plan, facts, seconds)"""
        self.taken_back: list[tuple[str, str, float]] = []
        """The same: promises that were replaced by earlier ones though nothing was read."""
        self._read_at: dict[tuple[str, str], float | None] = {}
        polling.store.subscribe(self._note)

    def _note(self, _key: SubjectKey, subject: object) -> None:
        if not isinstance(subject, PlanSubject):
            return
        for facts, until in subject.promised.items():
            key = (subject.plan.plan_id, facts)
            known = subject.groups.get(facts)
            read_at = subject.listed_at if facts == "plans" else known.read_at if known else None
            before = self.now.get(key, until)
            if self.clock.now() > before < until:
                self.broken.append((*key, self.clock.now() - before))
            if until < before < FOREVER and read_at == self._read_at.get(key):
                self.taken_back.append((*key, before - until))
            # A promise follows its reading in a second step.
            if until != before or key not in self.now:
                self.now[key] = until
                self._read_at[key] = read_at


def daily_backups(
    began: float,
    *,
    hour: float,
    took: float,
    days: int = 20,
    fails: Callable[[int], bool] = lambda _day: False,
) -> Callable[[float], Records]:
    """Full backups at an hour of each day, which take so long; one that fails does so after 30 s. Days count from `began`."""
    midnight = began // DAY * DAY

    def records(now: float) -> Records:
        found = []
        for day in range(-days, int((now - midnight) // DAY) + 1):
            at = midnight + day * DAY + hour * HOUR
            lasts = 30.0 if fails(day) else took
            if at > now:
                continue
            over = now >= at + lasts
            status = ("stop" if fails(day) else "finish") if over else "running"
            found.append(full_backup(f"s{day}", at, took=lasts if over else None, status=status))
        return found

    return records


SCHEDULE = {
    "BackupPeriod": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "BackupStartTime": "00:00",
}


# ── promises ──


def test_first_readings_are_promised_kind_by_kind_as_long_as_all_of_them_take() -> None:
    """A plan's group counts as known until then: it was never read, but nobody promised it earlier."""
    polling, cloud = polling_of(1000, rate=1.0, collectors=ages_of(eased=False))
    polling.run(20.0)

    # Also of those on the first page of the list, when nobody knew yet how many would come.
    for plan in ("p099", "p500", "p999"):
        assert first_promises(polling, plan) == pytest.approx([1_200.0, 2_400.0, 3_600.0, 4_800.0, 6_000.0])
    assert polling.budget().stretch == 1.0
    assert cloud.questions(FULL) != []
    assert cloud.questions(DOWNLOADS) == []


def test_first_readings_are_promised_later_as_soon_as_they_are_known_to_want_more_than_there_is() -> None:
    """By one factor, which is no larger once all were read; and none of them comes later than it was promised."""
    clock = FakeClock()
    cloud = FakeCloud(clock, 200, rate=0.2)
    polling = Polling(clock)
    promises = Promises(polling)
    polling.apply(account_of(cloud))
    polling.run(60.0)
    stretch = polling.budget().stretch

    assert 1.7 <= stretch <= 2.4
    assert first_promises(polling, "p199") == pytest.approx(
        [stretch * rank * 1_200.0 for rank in (1, 2, 3, 4, 5)]
    )
    polling.run(5 * HOUR)

    assert 1.0 < polling.budget().stretch <= stretch
    assert promises.broken == []


def first_promises(polling: Polling, plan: str) -> list[float]:
    """In how many seconds after its first listing each group of a plan was promised, without the grace."""
    subject = polling.plan(plan)
    assert subject.first_listed_at is not None
    return [
        subject.promised[facts] - subject.first_listed_at - FRESH_GRACE_SECONDS
        for facts in ("full_backups", "log_backups", "ranges", "restores", "downloads")
    ]


def test_first_readings_of_a_fleet_of_many_pages_come_kind_by_kind_and_as_promised() -> None:
    """Nothing is read of the fifth kind before the second kind is read of all."""
    clock = FakeClock()
    cloud = FakeCloud(clock, 500, rate=2.0)
    polling = Polling(clock)
    promises = Promises(polling)
    polling.apply(account_of(cloud, collectors=ages_of(eased=False)))
    polling.run(1800.0)
    kinds = [asked.operation for asked in cloud.asked if asked.plan]
    last_full = max(index for index, kind in enumerate(kinds[:1500]) if kind == FULL)

    assert last_full < kinds.index("DescribeRestoreTaskList")
    assert kinds.count(DOWNLOADS) >= 500
    assert promises.broken == []


def test_a_plan_that_no_list_shows_to_its_end_is_not_promised_anew_by_each() -> None:
    """A list that is torn each time puts nothing off."""
    polling, cloud = polling_of(150, rate=5.0)
    calls = [0]

    def before(operation: str, _plan: str) -> None:
        if operation == FULL:
            raise errors.BadAnswer("odd", operation=operation)
        if operation == "DescribeBackupPlanList":
            calls[0] += 1
            if calls[0] % 2 == 0:
                raise errors.BadAnswer("torn", operation=operation)

    cloud.before = before
    polling.run(60.0)
    assert len(polling.plan_ids()) == 100
    first = polling.plan("p000").promised["full_backups"]
    polling.run(900.0)

    assert polling.plan("p000").promised["full_backups"] == first
    assert polling.fresh_for("p000", "full_backups") < 0
    assert polling.fresh_for("p000", "plans") > 0


def test_first_promises_of_a_small_fleet_are_the_interval_of_each_collector() -> None:
    """Nobody promises a reading within seconds because there are only three plans."""
    polling, _ = polling_of(3)
    polling.step()
    polling.run(0.5)
    listed_at = polling.plan("p000").listed_at
    assert listed_at is not None

    assert polling.plan("p000").promised["full_backups"] == pytest.approx(
        listed_at + TABLE["full_backups"].interval_seconds + FRESH_GRACE_SECONDS
    )


@pytest.mark.parametrize("plans", [1, 40, 150])
def test_the_promises_of_a_healthy_fleet_are_kept(plans: int) -> None:
    """From the first list on, each reading comes within what was promised for it."""
    clock = FakeClock()
    cloud = FakeCloud(clock, 0, rate=2.0)
    began = clock.now()
    hour_now = began % DAY / HOUR
    for number in range(plans):
        cloud.add_plan(f"p{number:03}", **SCHEDULE)
        hour = hour_now + 1.0 + 0.5 * number / plans
        cloud.lists[FULL, f"p{number:03}"] = daily_backups(began, hour=hour, took=1800.0)
    polling = Polling(clock)
    promises = Promises(polling)
    polling.apply(account_of(cloud, collectors=ages_of(eased=False)))
    polling.run(3 * HOUR)

    assert promises.broken == []
    assert promises.taken_back == []
    assert all(until > clock.now() for until in promises.now.values())


def test_a_promise_for_a_reading_stands_when_the_plan_is_looked_at_again() -> None:
    """A change has the list read sooner; what was read before still counts as known until then."""
    polling, cloud = polling_of(3)
    polling.run(300.0)
    before = polling.plan("p000").promised["full_backups"]
    cloud.before = lambda operation, _plan: _raise_for(operation, FULL)
    cloud.plans["p000"]["BackupPlanStatus"] = "pause"
    asked = len(cloud.questions(FULL, "p000"))
    polling.run(300.0)

    assert polling.plan("p000").changed_at is not None
    assert len(cloud.questions(FULL, "p000")) > asked
    assert polling.plan("p000").promised["full_backups"] == before


def test_what_there_is_nothing_to_ask_about_is_known_for_ever_and_then_no_longer() -> None:
    """Error codes without a failed job; as soon as one fails, their reading is promised like any other."""
    polling, cloud = polling_of(2)
    polling.run(300.0)
    assert polling.fresh_for("p000", "job_errors") == FOREVER
    cloud.before = lambda operation, _plan: _raise_for(operation, "DescribeJobErrorCode")
    cloud.lists[FULL, "p000"] = [full_backup("s1", polling.clock.now(), status="stop", took=60.0)]
    cloud.plans["p000"]["ErrMessage"] = "failed"
    polling.run(400.0)
    promised = polling.plan("p000").promised["job_errors"]
    assert promised - polling.clock.now() < 600.0
    polling.run(2 * HOUR)

    # It was tried again and again, and looked at with each list; but it was not read.
    assert polling.plan("p000").promised["job_errors"] == promised
    assert polling.fresh_for("p000", "job_errors") < -HOUR
    assert polling.fresh_for("p001", "job_errors") == FOREVER
    cloud.before = lambda _operation, _plan: None
    polling.run(HOUR + 300.0)
    assert polling.fresh_for("p000", "job_errors") == FOREVER


def _raise_for(operation: str, failing: str) -> None:
    if operation == failing:
        raise errors.BadAnswer("odd", operation=operation)


def test_a_reading_that_waits_is_not_put_off_by_plan_lists() -> None:
    """Each list has every plan looked at again; what waits for calls keeps its place in the queue, and its promise."""
    polling, cloud = polling_of(2)
    polling.run(300.0)
    planner = polling.scheduler._pollers[HANGZHOU]._planner
    now = polling.clock.now()
    failed, _ = Reader(now).each([full_backup("s1", now, status="stop")], read_full_backup)
    history = full_backup_history(failed, now)
    polling.store.put_plan(HANGZHOU, "p000", FULL_BACKUPS, Read(facts=history), now)
    places = set()
    for _ in range(10):
        planner.reschedule("p000")
        waiting = next(entry for entry in planner._queue if entry.key.collector == "job_errors")
        places.add((round(waiting.latest, 3), round(polling.plan("p000").promised["job_errors"], 3)))
        polling.clock.advance(120.0)

    assert len(places) == 1
    assert len(cloud.questions("DescribeJobErrorCode")) == 0


def test_a_reading_that_ends_does_not_end_the_next_one_of_its_kind() -> None:
    """Its facts are taken before its thread is free, and by then the next may be under way."""
    polling, _ = polling_of(1)
    polling.run(60.0)
    planner = polling.scheduler._pollers[HANGZHOU]._planner
    taken = []
    for _ in range(2):
        planner.forgive()
        polling.clock.advance(HOUR)
        planner.reschedule("p000")
        entry = planner.take(polling.clock.monotonic())
        assert entry is not None
        taken.append(entry)
        if len(taken) == 1:
            planner.running_over(entry.key)
    assert taken[0].key == taken[1].key
    planner.done(taken[0])

    assert planner.running == 1
    planner.done(taken[1])
    assert planner.running == 0


# ── a budget that does not suffice ──


def busy(plans: int, *, rate: float, interval: float = 300.0) -> tuple[Polling, FakeCloud, Promises]:
    """A fleet whose downloads are all under way, so that each plan is to be read at this interval."""
    clock = FakeClock()
    cloud = FakeCloud(clock, plans, rate=rate)
    cloud.lists[DOWNLOADS, ""] = lambda now: [
        {"BackupSetDownloadTaskId": "d1", "BackupSetDownloadStatus": "running", "BackupSetDataSize": int(now)}
    ]
    polling = Polling(clock)
    promises = Promises(polling)
    ages = {
        "plans": Ages(interval=600.0, at_rest=600.0),
        "downloads": Ages(interval=interval, at_rest=60 * DAY),
    }
    polling.apply(account_of(cloud, collectors=ages))
    return polling, cloud, promises


def gaps(cloud: FakeCloud, operation: str, plan: str, since: float) -> list[float]:
    times = [asked.at for asked in cloud.questions(operation, plan) if asked.at >= since]
    return [later - earlier for earlier, later in pairwise(times)]


def test_a_fleet_that_wants_more_than_it_may_is_read_evenly_more_slowly_and_says_so() -> None:
    """Nobody is starved: all plans wait longer by one factor, and what is promised is kept."""
    polling, cloud, promises = busy(150, rate=0.1, interval=900.0)
    polling.run(4 * HOUR)
    promises.broken.clear()
    since = polling.clock.monotonic()
    polling.run(8 * HOUR)
    found = {plan: gaps(cloud, DOWNLOADS, plan, since) for plan in cloud.plans}
    mean = {plan: sum(each) / len(each) for plan, each in found.items()}
    budget = polling.budget()

    # 150 plans every 855 s and two pages of them every 600 s want 0.179 calls a second of 0.1.
    assert 1.78 <= budget.stretch <= STEP * 1.79
    assert sum(calls for _, calls in budget.wanted_per_second) > budget.allowed_per_second
    assert max(mean.values()) / min(mean.values()) < 1.2
    assert max(max(each) for each in found.values()) < 1.5 * min(mean.values())
    assert promises.broken == []


def test_promises_of_all_plans_are_longer_as_soon_as_calls_become_fewer() -> None:
    """They go out together, and are kept though what was read before was promised for sooner."""
    polling, cloud, promises = busy(200, rate=1.0)
    polling.run(HOUR)
    # Not `fresh_for`, which ends with the promise of the plan list.
    before = {plan: polling.plan(plan).promised["downloads"] for plan in cloud.plans}
    assert polling.budget().stretch == 1.0
    polling.targets[0].rate.on_throttled()  # type: ignore[attr-defined]
    polling.run(20.0)
    after = {plan: polling.plan(plan).promised["downloads"] for plan in cloud.plans}

    assert polling.budget().stretch > 1.3
    assert all(after[plan] > before[plan] + 60.0 for plan in cloud.plans)
    polling.run(HOUR)
    assert promises.broken == []


def test_a_smaller_factor_counts_from_the_next_reading_on() -> None:
    """What was promised for a reading that was made is not taken back when calls suffice again."""
    polling, cloud, promises = busy(300, rate=0.6)
    polling.run(2 * HOUR)
    assert polling.budget().stretch > 1.5
    for plan in list(cloud.plans)[100:]:
        del cloud.plans[plan]
    polling.run(HOLD_SECONDS + 700.0)

    assert polling.budget().stretch == 1.0
    assert promises.taken_back == []
    assert promises.broken == []
    polling.run(HOUR)
    assert (
        max(max(gaps(cloud, DOWNLOADS, plan, polling.clock.monotonic() - 1800.0)) for plan in cloud.plans)
        < 400.0
    )


def test_lists_of_the_region_are_stretched_last() -> None:
    """They are the change detector: a budget twice too small leaves their cadence as it is."""
    polling, cloud, _ = busy(250, rate=0.5)
    polling.run(2 * HOUR)
    times = [asked.at for asked in cloud.questions("DescribeBackupPlanList")]
    # Three pages each.
    lists = times[::3]

    assert polling.budget().stretch > 1.5
    assert max(later - earlier for earlier, later in pairwise(lists)) < 700.0
    assert 0 < polling.fresh_for("p000", "plans") <= 1.35 * 600.0 + FRESH_GRACE_SECONDS


def test_the_calls_that_a_fleet_wants_are_said_by_collector() -> None:
    """Before anything is late, with the pages of the plan list."""
    polling, _, _ = busy(300, rate=5.0)
    polling.run(HOUR)
    wanted = dict(polling.budget().wanted_per_second)

    assert wanted["downloads"] == pytest.approx(300 / 285.0, rel=0.1)
    assert wanted["plans"] == pytest.approx(3 / 600.0)
    assert polling.budget().allowed_per_second == 5.0


def test_a_small_fleet_is_read_more_often_than_it_need_be_and_never_more_often_than_its_interval() -> None:
    """Half of the calls may go to plans at rest, when nobody else needs them, and what comes early for want of others."""
    polling, cloud = polling_of(40, eased=True)
    polling.run(1800.0)
    large, large_cloud = polling_of(40, eased=False)
    large.run(HOUR)
    since = polling.clock.monotonic() - 900.0
    full = [gap for plan in cloud.plans for gap in gaps(cloud, FULL, plan, since)]

    assert 90.0 <= min(full) <= max(full) <= 300.0
    assert len(cloud.asked) / 1800.0 < 0.75 * 5.0
    assert len(large_cloud.questions(FULL, "p000")) <= 2


# ── failures ──


def test_what_fails_is_tried_ever_more_seldom_and_its_promise_stands() -> None:
    """After the interval, then twice as long, up to the age at rest; what was promised is not promised anew."""
    polling, cloud = polling_of(
        1,
        collectors={
            "plans": Ages(interval=120.0, at_rest=120.0),
            "downloads": Ages(interval=120.0, at_rest=HOUR * 60),
        },
    )
    polling.run(60.0)
    promised = polling.plan("p000").promised["downloads"]
    cloud.before = lambda operation, _plan: _raise_for(operation, DOWNLOADS)
    since = polling.clock.monotonic()
    polling.run(6 * HOUR)
    tries = gaps(cloud, DOWNLOADS, "p000", since)

    assert [round(gap / 120.0) for gap in tries[:6]] == [1, 2, 4, 8, 16, 30]
    assert polling.plan("p000").promised["downloads"] == promised
    assert polling.fresh_for("p000", "downloads") < 0


def test_what_never_could_be_read_is_known_until_its_first_promise_and_no_longer() -> None:
    """It is stale then, not silent."""
    polling, cloud = polling_of(3)
    cloud.before = lambda operation, _plan: _raise_for(operation, FULL)
    polling.run(60.0)
    assert polling.fresh_for("p000", "full_backups") > 0
    polling.run(HOUR)

    assert polling.fresh_for("p000", "full_backups") < 0
    assert polling.fresh_for("p000", "plans") > 0


# ── whole lists ──

LOG_AGES = ages_of(("plans", "incremental_backups"), eased=False)


def with_logs(
    plans: int,
    files: int,
    *,
    rate: float,
    spacing: float = 600.0,
    collectors: Mapping[str, Ages] = LOG_AGES,
    log_is_on: bool = True,
) -> tuple[Polling, FakeCloud]:
    """A fleet with long lists of log files, newest first; the API filters them by neither time."""
    clock = FakeClock()
    cloud = FakeCloud(clock, 0, rate=rate)

    def logs(now: float) -> Records:
        newest = int(now // spacing)
        found = [
            log_file(
                number,
                number * spacing,
                min(now, (number + 1) * spacing),
                "COMPLETED" if number < newest else "FILLING",
            )
            for number in range(newest - files + 1, newest + 1)
        ]
        return found[::-1]

    cloud.lists[LOGS, ""] = logs
    for number in range(plans):
        cloud.add_plan(f"p{number:03}", EnableBackupLog=log_is_on)
    polling = Polling(clock)
    polling.apply(account_of(cloud, collectors=collectors))
    return polling, cloud


def whole_pages(cloud: FakeCloud, since: float) -> int:
    """Calls for whole lists: those that name no page are made by reading a list to its end."""
    return sum("PageNum" not in asked.params for asked in cloud.questions(LOGS) if asked.at >= since)


def test_whole_lists_take_a_tenth_of_the_calls_and_tails_the_rest() -> None:
    """Once the order of a list is proved, its newest page is read often and all of it seldom."""
    polling, cloud = with_logs(60, 450, rate=1.0)
    polling.run(HOUR)
    since = polling.clock.monotonic()
    polling.run(HOUR)
    asked = [asked for asked in cloud.asked if asked.at >= since]

    # At most a list under way when the hour begins and one when it ends, of five pages thrice.
    assert whole_pages(cloud, since) <= WHOLE_LIST_SHARE * 1.0 * HOUR + 2 * 15
    assert whole_pages(cloud, since) >= 0.5 * WHOLE_LIST_SHARE * 1.0 * HOUR
    assert sum("PageNum" in each.params for each in asked) > 60 * 2
    for subject in polling.store.plans_of(HANGZHOU):
        history = subject.get(LOG_BACKUPS)
        assert history is not None
        assert polling.clock.now() - (history.last_data_at or 0.0) < 1000.0


def test_a_whole_list_that_was_never_read_has_its_turn_before_those_that_are_to_be_read_again() -> None:
    """Also where whole lists are so long that a day does not suffice for all: none is read twice before all were once."""
    resting = {
        "plans": Ages(interval=HOUR, at_rest=HOUR),
        "incremental_backups": Ages(interval=60.0, at_rest=60 * DAY),
    }
    # A list of nine pages is read and proved with 27 calls, of which a day allows 432.
    polling, cloud = with_logs(30, 900, rate=0.05, spacing=3600.0, collectors=resting, log_is_on=False)
    polling.run(2 * DAY)
    listed = [
        history.listed_at
        for subject in polling.store.plans_of(HANGZHOU)
        if (history := subject.get(LOG_BACKUPS)) is not None
    ]

    assert len(listed) == 30
    assert None not in listed
    assert 30 * 27 < whole_pages(cloud, 0.0) < 2 * 432 + 100 + 8 * 27


def test_a_long_list_of_which_no_part_can_be_read_is_promised_as_seldom_as_it_is_read() -> None:
    """Its age is said, instead of counting as known for ever."""
    polling, cloud = with_logs(5, 150, rate=5.0)
    made = cloud.lists[LOGS, ""]
    assert callable(made)
    # In no order, and without a filter: nothing can be proved.
    cloud.lists[LOGS, ""] = lambda now: sorted(made(now), key=lambda record: record["BackupSetId"][::-1])
    polling.run(3 * HOUR)
    since = polling.clock.monotonic()
    polling.run(6 * HOUR)

    assert whole_pages(cloud, since) == 0
    now = polling.clock.now()
    fresh = [polling.plan(plan).promised["log_backups"] - now for plan in cloud.plans]
    assert all(DAY / 2 < each <= 1.5 * WHOLE_LIST_SECONDS + FRESH_GRACE_SECONDS for each in fresh)


# ── a reload ──


def test_a_region_that_is_configured_anew_goes_on_where_it_was() -> None:
    """What was read stays known, is not read again before its time, and keeps its promises."""
    polling, cloud = polling_of(20)
    promises = Promises(polling)
    polling.run(300.0)
    asked = len(cloud.questions(FULL))
    polling.apply(account_of(cloud, collectors=ages_of(eased=False), fingerprint=2))
    polling.run(600.0)

    assert len(cloud.questions(FULL)) == asked
    polling.run(2 * HOUR)
    assert len(cloud.questions(FULL)) > asked
    assert promises.broken == []


def test_an_age_that_was_configured_shorter_holds_at_once() -> None:
    """What would have come later comes by the new age."""
    ages = ages_of(("plans", "downloads"), eased=False)
    polling, cloud = polling_of(3, collectors=ages)
    polling.run(600.0)
    shorter = {**ages, "downloads": replace(ages["downloads"], at_rest=900.0 * 60)}
    polling.apply(account_of(cloud, collectors=shorter, fingerprint=2))
    polling.run(600.0)

    assert [len(cloud.questions(DOWNLOADS, plan)) for plan in cloud.plans] == [2, 2, 2]


# ── what is noticed, and how soon ──


def noticed(polling: Polling, plan: str, status: str) -> Callable[[], bool]:
    """Whether the newest job of a plan is known with this status."""

    def is_known() -> bool:
        history = polling.plan(plan).get(FULL_BACKUPS)
        return (
            history is not None and history.last_attempt is not None and history.last_attempt.status == status
        )

    return is_known


def before_backup(took: float, *, hour: float = 12.0, **more: Any) -> tuple[Polling, FakeCloud, float]:
    """Polling a minute before the next daily backup of a plan begins, and when that is, in Unix seconds."""
    clock = FakeClock()
    cloud = FakeCloud(clock, 0)
    cloud.add_plan("p000", **SCHEDULE)
    start = (clock.now() // DAY + 1) * DAY + hour * HOUR
    cloud.lists[FULL, "p000"] = daily_backups(clock.now(), hour=hour, took=took, **more)
    clock.advance(start - clock.now() - 2 * HOUR)
    polling = Polling(clock)
    polling.apply(account_of(cloud, collectors=ages_of(("plans", "full_backups"), eased=False)))
    polling.run(2 * HOUR - 60.0)
    return polling, cloud, start


@pytest.mark.parametrize("minutes", [10, 30, 60, 360])
def test_a_backup_that_ends_is_noticed_within_four_minutes_or_a_tenth_of_its_usual_duration(
    minutes: int,
) -> None:
    """Its hour is learned from its past, its end from how long it usually takes."""
    took = 60.0 * minutes
    polling, cloud, start = before_backup(took)
    asked = len(cloud.questions(FULL))
    polling.run(start + took - polling.clock.now())
    late = polling.run_until(noticed(polling, "p000", "finish"), within=HOUR)

    assert late <= max(240.0, 0.1 * took)
    # Not by asking all the time: twice after the start, hourly, and a few times about the end.
    assert len(cloud.questions(FULL)) - asked <= 7 + minutes / 60


@pytest.mark.parametrize("share", [0.8, 1.25])
def test_a_backup_that_is_faster_or_slower_than_usual_is_noticed_too(share: float) -> None:
    """Somewhat later where it ends before it could be expected to, within the step of its duration where it is late."""
    took = 1800.0
    clock = FakeClock()
    polling, cloud, start = before_backup(took)
    made = cloud.lists[FULL, "p000"]
    assert callable(made)

    def today(now: float) -> Records:
        over = now >= start + share * took
        running = full_backup("today", start, took=share * took if over else None)
        return [
            *[record for record in made(now) if record["CreateTime"] < ms(start)],
            *([running] if now >= start else []),
        ]

    cloud.lists[FULL, "p000"] = today
    polling.run(start + share * took - polling.clock.now())
    late = polling.run_until(noticed(polling, "p000", "finish"), within=HOUR)

    assert clock.now() < start
    assert late <= 0.1 * took + 240.0


def test_a_backup_that_fails_at_once_is_noticed_at_the_first_look_after_its_start() -> None:
    """Two minutes after the hour it has begun, or failed."""
    polling, _, start = before_backup(3 * HOUR, fails=lambda day: day == 1)
    polling.run(start + 30.0 - polling.clock.now())
    late = polling.run_until(noticed(polling, "p000", "stop"), within=HOUR)

    assert late <= 240.0


def test_a_backup_that_is_started_by_hand_is_noticed_within_the_age_at_rest() -> None:
    """Nothing says that it began, unless the plan list shows a change."""
    polling, cloud, start = before_backup(1800.0, hour=12.0)
    polling.run(6 * HOUR)
    at = polling.clock.now()
    made = cloud.lists[FULL, "p000"]
    assert callable(made)
    cloud.lists[FULL, "p000"] = lambda now: [*made(now), full_backup("by hand", at, took=60.0)]
    polling.run_until(noticed(polling, "p000", "finish"), within=60.0)
    history = polling.plan("p000").get(FULL_BACKUPS)
    assert history is not None
    late = polling.run_until(
        lambda: (found := polling.plan("p000").get(FULL_BACKUPS)) is not None and found.count > history.count,
        within=HOUR + 60.0,
    )

    assert late <= HOUR
    assert start < at


def test_a_backup_that_dies_is_noticed_when_the_plan_says_so() -> None:
    """Also in the middle of a long run, when nobody would look."""
    polling, cloud, start = before_backup(6 * HOUR)
    made = cloud.lists[FULL, "p000"]
    assert callable(made)
    polling.run(start + HOUR - polling.clock.now())
    died = polling.clock.now()
    cloud.lists[FULL, "p000"] = lambda now: [
        *[record for record in made(now) if record["CreateTime"] < ms(start)],
        full_backup("today", start, took=died - start, status="stop"),
    ]
    cloud.plans["p000"]["ErrMessage"] = "the source is gone"
    late = polling.run_until(noticed(polling, "p000", "stop"), within=HOUR)

    assert late <= 120.0 * 1.1 + 180.0


def test_without_log_a_window_that_moves_says_that_a_backup_finished() -> None:
    """The plan list tells before the list of backups would be looked at."""
    polling, cloud, start = before_backup(HOUR)
    cloud.plans["p000"] |= {"EnableBackupLog": False, "EndTimestampForRestore": ms(start - DAY)}
    made = cloud.lists[FULL, "p000"]
    assert callable(made)
    polling.run(start + 600.0 - polling.clock.now())
    ended = polling.clock.now()
    cloud.lists[FULL, "p000"] = lambda now: [
        *[record for record in made(now) if record["CreateTime"] < ms(start)],
        full_backup("today", start, took=ended - start),
    ]
    cloud.plans["p000"]["EndTimestampForRestore"] = ms(ended)
    late = polling.run_until(noticed(polling, "p000", "finish"), within=HOUR)

    assert late <= 120.0 * 1.1 + 180.0


def test_log_that_stops_is_known_by_the_plan_list_and_has_its_list_read_soon() -> None:
    """While the window moves, the list of log files is read seldom; when it stands, at its interval."""
    clock = FakeClock()
    cloud = FakeCloud(clock, 0)
    stopped = [FOREVER]

    def until(now: float) -> float:
        return min(now - 20.0, stopped[0])

    def logs(now: float) -> Records:
        newest = int(until(now) // 600)
        return [
            log_file(
                number,
                number * 600.0,
                min(until(now), number * 600.0 + 600.0),
                "FILLING" if number == newest else "COMPLETED",
            )
            for number in range(newest - 30, newest + 1)
        ]

    cloud.add_plan("p000", EnableBackupLog=True)
    cloud.lists[LOGS, "p000"] = logs

    def window(_operation: str, _plan: str) -> None:
        end = until(clock.now())
        cloud.plans["p000"] |= {"EndTimestampForRestore": ms(end), "BeginTimestampForRestore": ms(end - DAY)}

    cloud.before = window
    polling = Polling(clock, objectives=Objectives(rpo=1800.0))
    polling.apply(account_of(cloud, collectors=ages_of(("plans", "incremental_backups"), eased=False)))
    polling.run(2 * HOUR)
    assert polling.plan("p000").window.trusted
    asked = len(cloud.questions(LOGS))
    polling.run(2 * HOUR)
    resting = len(cloud.questions(LOGS)) - asked
    stopped[0] = clock.now() - 20.0
    asked = len(cloud.questions(LOGS))
    polling.run(HOUR)
    lagging = len(cloud.questions(LOGS)) - asked

    assert 3 <= resting <= 6
    assert lagging >= 5
    assert polling.plan("p000").plan.restore_end_at == pytest.approx(stopped[0], abs=0.01)


def test_ranges_are_read_after_a_full_backup_and_no_more_often_than_hourly() -> None:
    """They change with it."""
    polling, cloud, start = before_backup(1800.0)
    cloud.plans["p000"] |= {
        "EndTimestampForRestore": ms(start - DAY),
        "BeginTimestampForRestore": ms(start - 9 * DAY),
    }
    polling.apply(
        account_of(
            cloud, collectors=ages_of(("plans", "full_backups", "restore_ranges"), eased=False), fingerprint=2
        )
    )
    polling.run(start - polling.clock.now())
    asked = len(cloud.questions("DescribeRestoreRangeInfo"))
    assert asked == 1
    polling.run(1800.0)
    assert len(cloud.questions("DescribeRestoreRangeInfo")) == 1
    polling.run(1800.0 + 600.0)
    assert len(cloud.questions("DescribeRestoreRangeInfo")) == 2
    polling.run(1.5 * HOUR)

    assert len(cloud.questions("DescribeRestoreRangeInfo")) == 2


def test_what_is_under_way_is_read_soon_and_then_ever_more_seldom_while_nothing_changes() -> None:
    """A download that stands is not asked about every two minutes for a week."""
    cloud_lists = [{"BackupSetDownloadTaskId": "d1", "BackupSetDownloadStatus": "running"}]
    polling, cloud = polling_of(1, collectors=ages_of(("plans", "downloads"), eased=False))
    cloud.lists[DOWNLOADS, ""] = cloud_lists
    polling.run(6 * HOUR)
    found = gaps(cloud, DOWNLOADS, "p000", 0.0)

    # Each comes a little earlier, to come at a time of its own.
    for gap, longest in zip(found, (114.0, 228.0, 456.0, 912.0), strict=False):
        assert (1 - PHASE_SHARE) * longest < gap < longest + 5.0
    assert max(found) <= downloads.COLLECTOR.at_rest_seconds
    cloud.lists[DOWNLOADS, ""] = [{**cloud_lists[0], "BackupSetDataSize": 5}]
    since = polling.clock.monotonic()
    polling.run(2 * HOUR)
    again = gaps(cloud, DOWNLOADS, "p000", since)
    assert round(again[0] / 114.0) == 1


def test_a_table_without_a_plan_list_reads_nothing_of_plans() -> None:
    """There is nobody to ask about, and nothing is promised."""
    table = Table([TABLE["gateways"], TABLE["full_backups"]])
    polling, cloud = polling_of(3, table=table, collectors=ages_of(("gateways", "full_backups"), table))
    polling.run(HOUR)

    assert {asked.operation for asked in cloud.asked} == {"DescribeBackupGatewayList"}
    assert polling.outcomes.missing() == []


def test_of_several_reasons_the_one_whose_stretched_promise_ends_first_counts() -> None:
    """A look keeps its time when readings at rest are put off, so it may come to be the first though it was the last."""
    clock = FakeClock()
    look_at = clock.now() + 2 * HOUR

    def due(subject: PlanSubject, pace: Pace) -> Dues:
        look = Due(at=look_at, patience=60.0)
        resting = periodic(subject.known(DOWNLOADS_GROUP), HOUR, "at rest")
        return look, resting

    collector = replace(downloads.COLLECTOR, due=due)
    table = Table([TABLE["plans"], collector])
    cloud = FakeCloud(clock, 1)
    polling = Polling(clock, table=table)
    polling.apply(account_of(cloud, collectors=ages_of(("plans", "downloads"), table), table=table))
    polling.run(HOUR / 2)
    planner = polling.scheduler._pollers[HANGZHOU]._planner
    read_at = polling.plan("p000").known(DOWNLOADS_GROUP).read_at
    assert read_at is not None
    at_rest = polling.plan("p000").promised["downloads"] - FRESH_GRACE_SECONDS
    planner._stretch.factor = 4.0
    planner.reschedule("p000", read=Key("downloads", "p000"))
    stretched = polling.plan("p000").promised["downloads"] - FRESH_GRACE_SECONDS

    assert at_rest == pytest.approx(read_at + 0.95 * HOUR + 0.2 * HOUR)
    assert stretched == pytest.approx(look_at + 4 * 60.0)

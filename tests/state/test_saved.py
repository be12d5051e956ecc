"""Saving and giving back: facts with their ages, counters that never go back, and what happens when nothing can be written."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import known_subjects
from support.fake_clock import FakeClock
from support.saved_state import EVERYTHING, GROUPS, HERE, Saved

from dbs_exporter.collectors.base import Read
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.limits import GONE_PLAN_SECONDS
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.facts.subjects import PlanSubject, Scope
from dbs_exporter.state.database import Batch, Database
from dbs_exporter.state.directory import Directory
from dbs_exporter.state.saved import STAND_STILL_SECONDS, STRANGE_SECONDS


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """An exporter's store that saves its state, with two plans."""
    process = Saved(tmp_path / "state")
    process.list_plans("a", "b")
    return process


def test_everything_that_is_known_comes_back_with_its_ages(tmp_path: Path) -> None:
    """Every group of accounts, regions and plans, when each was read, and how often it brought nothing new."""
    process = Saved(tmp_path)
    known = known_subjects.PLAN
    process.store.put_account("prod", REGIONS, ("cn-hangzhou",), 10.0)
    for group in GROUPS:
        if (facts := known_subjects.REGION.get(group)) is not None:
            process.store.put_region(HERE, group, facts, 20.0)
    now = process.clock.now()
    process.store.put_plans(HERE, [known.plan], whole=True, at=now, promised_until=now)
    for group in GROUPS:
        if (facts := known.get(group)) is not None:
            for at in (now, now + 7.25):
                process.store.put_plan(HERE, known.plan.plan_id, group, Read(facts=facts), at)
                process.save()
    before = process.plan(known.plan.plan_id)
    (region,) = process.store.region_subjects()
    later = process.again()
    account = later.state.account("prod", EVERYTHING)
    later.restore()
    after = later.plan(known.plan.plan_id)

    assert account == process.store.account("prod")
    assert later.store.region_subjects() == [region]
    assert len(after.groups) >= 8
    assert after.groups == before.groups
    assert (after.plan, after.window, after.objectives) == (before.plan, before.window, before.objectives)
    assert (after.first_listed_at, after.listed_at) == (before.first_listed_at, before.listed_at)
    assert after.promised == {}


def test_what_plans_have_in_common_comes_back_as_one_object(saved: Saved) -> None:
    """Each row brings its own copies, which would be half of what a fleet takes."""
    for plan_id in ("a", "b"):
        saved.ends(plan_id, 1)
    saved.save()
    later = saved.again()
    later.restore()
    first, second = (later.plan(plan_id) for plan_id in ("a", "b"))
    counts = [plan.groups["full_backups"].facts.counts for plan in (first, second)]  # type: ignore[attr-defined]

    assert counts[0] == (("finish", 1),)
    assert counts[0] is counts[1]
    assert all(ours is theirs for ours, theirs in zip(first.groups, second.groups, strict=True))


def test_a_counter_is_published_once_it_is_saved(saved: Saved) -> None:
    """What was scraped is never more than what the file holds, and facts do not wait."""
    saved.ends("a")
    saved.save()
    saved.ends("a", 1)

    assert saved.plan("a").get(FULL_BACKUPS) == FullBackupHistory(counts=(("finish", 1),))
    assert saved.published("a") == 0
    saved.save()
    assert saved.published("a") == 1
    later = saved.again()
    later.restore()
    assert later.published("a") == 1


def test_what_ended_while_nobody_looked_is_counted_and_what_was_counted_is_not(saved: Saved) -> None:
    """The first list after a restart is no first list."""
    saved.ends("a", 1)
    saved.save()
    saved.ends("a", 1, 2)
    saved.save()
    later = saved.again(away_seconds=86_400.0)
    later.restore()
    later.ends("a", 1, 2, 3, 4)
    later.save()

    assert later.published("a") == 3


@pytest.mark.parametrize("seed", range(8))
def test_counters_over_any_restarts_count_each_end_once_and_never_go_back(tmp_path: Path, seed: int) -> None:
    """Readings, saves that work or fail, scrapes and kills in any order: at the end the counter is the truth."""
    chance = random.Random(seed)
    process = Saved(tmp_path)
    process.list_plans("a")
    process.ends("a")
    process.save()
    ended = 0
    scraped = [0]
    for _ in range(200):
        match chance.randrange(8):
            case 0 | 1:
                ended += chance.randrange(3)
            case 2 | 3:
                process.ends("a", *range(max(0, ended - 20), ended))
            case 4 | 5:
                process.save(chance.choice([0.0, 5.0, 30.0]))
            case 6:
                scraped.append(process.published("a"))
            case 7:
                process = process.again()
                process.restore()
                scraped.append(process.published("a"))
    process.ends("a", *range(max(0, ended - 20), ended))
    process.save()

    assert scraped == sorted(scraped)
    assert process.published("a") >= scraped[-1]
    assert process.published("a") == ended


def test_only_what_changed_is_written_and_times_of_readings_go_their_own_way(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that brings nothing new writes no facts; one that does writes its own group."""
    batches: list[Batch] = []
    write = Database.write

    def noted(database: Database, batch: Batch) -> None:
        batches.append(batch)
        write(database, batch)

    monkeypatch.setattr(Database, "write", noted)
    saved.ends("a", 1)
    saved.save()
    batches.clear()
    saved.save()
    assert batches == []
    saved.clock.advance(60.0)
    saved.ends("a", 1)
    saved.save()
    saved.store.put_plan(HERE, "b", RESTORES, Read(facts=RestoreHistory()), saved.clock.now())
    saved.save()

    assert [[row[2:4] for row in batch.facts] for batch in batches] == [[], [("b", "restores")]]
    assert [len(batch.reads) for batch in batches] == [1, 1]
    later = saved.again()
    later.restore()
    assert later.plan("a").known(FULL_BACKUPS) == saved.plan("a").known(FULL_BACKUPS)


def test_what_was_saved_is_not_written_again_after_a_restart(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither facts nor times, and promises are never saved."""
    saved.ends("a", 1)
    saved.save()
    later = saved.again()
    later.restore()
    later.store.promise_plan(HERE, "a", {"plans": 1.0})
    written: list[object] = []
    monkeypatch.setattr(Database, "write", lambda _, batch: written.append(batch))
    later.save()

    assert written == []


def test_a_plan_that_is_gone_leaves_its_counters_for_a_week(saved: Saved) -> None:
    """Over a restart too; it is not shown meanwhile, and begins anew when it returns too late."""
    saved.ends("a")
    saved.save()
    saved.ends("a", 1)
    saved.save()
    saved.list_plans("b")
    saved.save()
    later = saved.again()
    later.restore()
    assert later.store.plan(HERE, "a") is None
    later.list_plans("a", "b")
    later.save()
    assert later.published("a") == 1
    database = later.state._database
    assert database is not None
    assert ("a", "gone") not in {row[:2] for row in database.rows("prod", "cn-hangzhou")}
    later.list_plans("b")
    later.save()
    last = later.again(away_seconds=GONE_PLAN_SECONDS + 1.0)
    last.restore()
    last.list_plans("b")
    last.list_plans("a", "b")
    last.save()

    assert last.published("a") == 0


def test_only_what_is_configured_is_given_back(saved: Saved) -> None:
    """Not another region, not a collector that is off, not a plan that is not selected; counters outlive their collector."""
    saved.ends("a")
    saved.save()
    saved.ends("a", 1)
    saved.store.put_region(HERE, GATEWAYS, (), 10.0)
    saved.save()
    later = saved.again()
    elsewhere = Scope(account="prod", region="cn-beijing")
    assert later.state.region(elsewhere, EVERYTHING, lambda _plan: True) is None
    restored = later.state.region(
        HERE, EVERYTHING - {FULL_BACKUPS.name, GATEWAYS.name}, lambda plan: plan.plan_id != "b"
    )
    assert restored is not None
    (plan,) = restored.plans

    assert plan.plan.plan_id == "a"
    assert plan.get(FULL_BACKUPS) is None
    assert plan.tally(FULL_BACKUPS).success == 1
    assert restored.region is None
    without_plans = Saved(later.path.parent / "other", later.clock)
    assert without_plans.state.region(HERE, {PLANS.name}, lambda _plan: True) is None


def test_a_plan_that_was_not_selected_does_not_come_back_with_old_counters(saved: Saved) -> None:
    """What is not taken over is forgotten, or its counter would leap when it is selected again."""
    saved.ends("a")
    saved.save()
    saved.ends("a", 1)
    saved.save()
    later = saved.again()
    later.state.region(HERE, EVERYTHING, lambda plan: plan.plan_id != "a")
    later.save()
    last = later.again()
    restored = last.restore()

    assert restored is not None
    assert [plan.plan.plan_id for plan in restored.plans] == ["b"]


def test_a_region_that_is_dropped_and_watched_again_comes_back_as_it_was_dropped(saved: Saved) -> None:
    """A reload that takes a region away takes its state away."""
    saved.ends("a", 1)
    saved.save()
    saved.store.drop(HERE)

    assert saved.restore() is None


def test_what_is_not_configured_is_kept_for_a_week(saved: Saved) -> None:
    """A slip in the configuration costs nothing, and nothing stays for ever."""
    saved.save()
    later = saved.again(away_seconds=STRANGE_SECONDS - 3_600.0)
    later.state._forget_strangers()
    assert later.state.regions("prod") == ("cn-hangzhou",)
    last = later.again(away_seconds=7_200.0)
    last.state._forget_strangers()

    assert last.state.regions("prod") == ()


class Disk:
    """Takes no writes while it is `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.lock_full = False
        write, begin = Database.write, Directory.begin_lineage

        def write_unless_full(database: Database, batch: Batch) -> None:
            if self.full:
                raise OSError("database or disk is full")
            write(database, batch)

        def begin_unless_full(directory: Directory, now: float) -> None:
            if self.lock_full:
                raise OSError("read-only file system")
            begin(directory, now)

        monkeypatch.setattr(Database, "write", write_unless_full)
        monkeypatch.setattr(Directory, "begin_lineage", begin_unless_full)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk of the state."""
    return Disk(monkeypatch)


def counting(saved: Saved) -> None:
    """Count one end and save it."""
    saved.ends("a")
    saved.save()
    saved.ends("a", 1)
    saved.save()


def test_while_nothing_can_be_written_it_goes_on_and_says_so(
    saved: Saved, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """Once in the log, and in what the metrics and the page are made of; it recovers by itself."""
    counting(saved)
    disk.full = True
    saved.ends("a", 1, 2)
    saved.save()
    since = saved.clock.now()
    saved.save()
    health = saved.state.health()

    assert (health.error, health.failing_since) == ("database or disk is full", since)
    assert health.last_write_at is not None
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    disk.full = False
    saved.save()
    assert saved.state.health().error == ""
    assert saved.published("a") == 2
    later = saved.again()
    later.restore()
    assert later.plan("a").known(FULL_BACKUPS) == saved.plan("a").known(FULL_BACKUPS)


def test_counters_stand_still_for_five_minutes_and_then_go_on(saved: Saved, disk: Disk) -> None:
    """Whoever starts after that begins them at 0, with what was counted still known, and never in between."""
    counting(saved)
    disk.full = True
    saved.ends("a", 1, 2)
    saved.save()
    saved.save(STAND_STILL_SECONDS - 1.0)
    assert saved.published("a") == 1
    saved.save(1.0)
    assert saved.published("a") == 2
    saved.ends("a", 1, 2, 3)
    saved.save()
    assert saved.published("a") == 3
    disk.full = False
    later = saved.again()
    later.restore()

    assert later.published("a") == 0
    later.ends("a", 1, 2, 3, 4)
    later.save()
    assert later.published("a") == 3


def test_counters_that_went_ahead_and_are_saved_again_go_on_after_a_restart(saved: Saved, disk: Disk) -> None:
    """With the first write that works everything is as before, also for plans that did not change meanwhile."""
    counting(saved)
    saved.ends("b")
    saved.save()
    saved.ends("b", 1)
    saved.save()
    disk.full = True
    saved.ends("a", 1, 2)
    saved.save()
    saved.save(STAND_STILL_SECONDS)
    disk.full = False
    saved.save()
    saved.ends("a", 1, 2, 3)
    assert saved.published("a") == 2
    later = saved.again()
    later.restore()

    assert (later.published("a"), later.published("b")) == (2, 1)


def test_counters_stand_still_where_not_even_that_can_be_said(saved: Saved, disk: Disk) -> None:
    """Where nothing at all can be written, a restart could not know that they went on."""
    counting(saved)
    disk.full = disk.lock_full = True
    saved.ends("a", 1, 2)
    saved.save()
    saved.save(2 * STAND_STILL_SECONDS)

    assert saved.published("a") == 1
    disk.lock_full = False
    saved.save()
    assert saved.published("a") == 2


@pytest.mark.parametrize("seed", range(6))
def test_counters_never_lie_in_between_whatever_the_disk_does(tmp_path: Path, disk: Disk, seed: int) -> None:
    """After each kill a counter goes on at or above what was scraped, or begins at 0."""
    chance = random.Random(seed)
    process = Saved(tmp_path)
    process.list_plans("a")
    process.ends("a")
    process.save()
    ended, scraped = 0, 0
    for _ in range(300):
        match chance.randrange(8):
            case 0:
                ended += 1
            case 1 | 2:
                process.ends("a", *range(max(0, ended - 20), ended))
            case 3 | 4:
                process.save(chance.choice([5.0, 150.0]))
            case 5:
                disk.full = chance.random() < 0.7
                disk.lock_full = disk.full and chance.random() < 0.3
            case 6:
                now = process.published("a")
                assert now >= scraped
                scraped = now
            case 7:
                scraped = process.published("a")
                process = process.again()
                process.restore()
                now = process.published("a")
                assert now >= scraped or now == 0
                scraped = now


def test_a_second_process_is_refused_with_who_holds_the_directory(saved: Saved) -> None:
    """By a sentence; the first goes on, and when it has ended the second may."""
    with pytest.raises(ConfigError, match=r"storage.path: .* is in use by process \d+ on "):
        Saved(saved.path, saved.clock)
    saved.save()
    assert saved.state.health().error == ""
    saved.again()


def test_a_directory_that_is_deleted_is_made_again_with_everything(saved: Saved) -> None:
    """What is known does not depend on the file."""
    counting(saved)
    for file in saved.path.iterdir():
        file.unlink()
    saved.path.rmdir()
    saved.save()
    later = saved.again()
    later.restore()

    assert later.published("a") == 1
    assert {plan.plan.plan_id for plan in later.store.plan_subjects()} == {"a", "b"}


def test_where_no_directory_can_be_made_it_counts_in_memory_and_goes_on_saving_later(tmp_path: Path) -> None:
    """Nothing was saved that the counters could contradict, so they do not stand still."""
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    process = Saved(blocked / "state")
    process.list_plans("a")
    process.ends("a")
    process.ends("a", 1)
    process.save()

    assert process.published("a") == 1
    assert process.state.health().error != ""
    blocked.unlink()
    process.save()
    process.ends("a", 1, 2)
    assert process.published("a") == 1
    process.save()
    assert process.published("a") == 2
    later = process.again()
    later.restore()
    assert later.published("a") == 2


READ_ONLY = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.saved_state import Saved
if os.geteuid() == 0:
    os.chown(sys.argv[1], 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
path = Path(sys.argv[1])
first = Saved(path)
first.list_plans("a")
first.ends("a")
first.save()
first.ends("a", 1)
first.save()
first.kill()
for file in path.iterdir():
    file.chmod(0o400)
path.chmod(0o500)
process = Saved(path, first.clock)
process.restore()
process.ends("a", 1, 2)
process.save()
process.save(1_000.0)
print(process.published("a"), process.state.health().error)
path.chmod(0o700)
for file in path.iterdir():
    file.chmod(0o600)
process.save()
print(process.published("a"), process.state.health().error or "saved")
"""


def test_what_may_only_be_read_is_given_back_and_written_once_it_may_be() -> None:
    """Counters stand still meanwhile: nothing can say that they went on. Without rights, also where the tests have all."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-c", READ_ONLY, f"{name}", str(Path(__file__).parent.parent)]
        Path(name).chmod(0o755)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.splitlines() == ["1 attempt to write a readonly database", "2 saved"], done.stderr


def test_a_region_that_was_learned_about_is_still_known(saved: Saved) -> None:
    """For how long nobody read is told too."""
    saved.save()
    later = saved.again(away_seconds=7_200.0)
    restored = later.restore()

    assert restored is not None
    assert restored.away_seconds == pytest.approx(7_200.0)
    assert isinstance(restored.plans[0], PlanSubject)
    assert Plan(plan_id="a") in {plan.plan for plan in restored.plans}


def test_a_clock_that_goes_back_harms_nothing(tmp_path: Path) -> None:
    """Nobody was away for less than no time."""
    clock = FakeClock()
    process = Saved(tmp_path, clock)
    process.list_plans("a")
    process.save()
    clock.set_wall(clock.now() - 86_400.0)
    later = process.again()
    restored = later.restore()

    assert restored is not None
    assert restored.away_seconds == 0.0

"""Reading what belongs to an account: one reading at a time, by its cadence, and soon again where it failed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.fake_clock import FakeClock
from support.polling import HANGZHOU, HOUR, FakeCloud, Polling, account_of

from dbs_exporter import errors
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.account_poller import RETRY_SECONDS
from dbs_exporter.polling.sharding import Shard

OF_ACCOUNT = {"regions": HOUR}
QUESTION = "DescribeRegions"


def watching_all(*regions: str, plans: int = 2, shard: Shard = Shard()) -> tuple[Polling, FakeCloud]:  # noqa: B008 - frozen
    """An account that watches every region that there is."""
    clock = FakeClock()
    cloud = FakeCloud(clock, plans, regions=regions or ("cn-hangzhou",))
    polling = Polling(clock, shard=shard)
    polling.apply(account_of(cloud, regions=None, of_account=OF_ACCOUNT))
    return polling, cloud


def fail(cloud: FakeCloud, error: BaseException) -> None:
    """Have the question for regions fail from now on."""

    def before(operation: str, _plan: str) -> None:
        if operation == QUESTION:
            raise error

    cloud.before = before


def test_what_belongs_to_an_account_is_read_at_once_and_then_by_its_cadence() -> None:
    """Its time is that of the answer, and its outcome is said under its home region."""
    polling, cloud = watching_all()
    polling.run(5.0)
    account = polling.store.account("prod")
    state = polling.state("regions")

    assert account is not None
    assert account.get(REGIONS) == ("cn-hangzhou",)
    assert account.known(REGIONS).read_at == state.last_success_at == pytest.approx(1_790_000_000.0, abs=5.0)
    assert (state.success, state.subjects, state.facts) == (True, 1, "regions")
    polling.run(10 * HOUR)
    assert 9 <= len(cloud.questions(QUESTION)) <= 13


def test_the_regions_of_an_account_are_asked_before_any_plan_is_read() -> None:
    """They say what there is."""
    polling, cloud = watching_all("cn-hangzhou", "cn-shanghai")
    polling.run(60.0)

    assert cloud.asked[0].operation == QUESTION


@pytest.mark.parametrize(
    ("raised", "permitted"),
    [
        (errors.NotPermitted("RAM refuses it", operation=QUESTION), False),
        (errors.ServerError("down", operation=QUESTION), True),
        (errors.CredentialsError("no key"), True),
        (ZeroDivisionError("boom"), True),
        (SystemExit("exits"), True),
    ],
)
def test_regions_that_cannot_be_found_are_said_and_tried_again_soon(
    raised: BaseException, permitted: bool
) -> None:
    """Refused, failed or broken: an account is not blind for an hour because of a bad minute at its start."""
    polling, cloud = watching_all()
    fail(cloud, raised)
    polling.run(10.0)
    state = polling.state("regions")

    assert (state.tried, state.success or not permitted, state.permitted) == (True, not permitted, permitted)
    assert str(raised) in state.last_error
    assert polling.store.account("prod") is None
    assert polling.outcomes.missing() == []
    cloud.before = lambda _operation, _plan: None
    took = polling.run_until(lambda: bool(polling.store.plan_subjects()), within=300.0)
    assert took <= RETRY_SECONDS + 10.0
    assert polling.state("regions").success is True


def test_what_goes_on_failing_is_tried_ever_more_seldom() -> None:
    """A minute, two, four, and then as often as it is read anyway."""
    polling, cloud = watching_all()
    fail(cloud, errors.BadAnswer("odd"))
    polling.run(12 * HOUR)
    times = [asked.at for asked in cloud.questions(QUESTION)]
    gaps = [round((later - earlier) / RETRY_SECONDS) for earlier, later in pairwise(times)]

    assert gaps[:5] == [1, 2, 4, 8, 16]
    # Its cadence goes on besides.
    assert len(times) <= 6 + 2 * 13
    cloud.before = lambda _operation, _plan: None
    polling.run(2 * HOUR)
    asked = len(cloud.questions(QUESTION))
    polling.run(5 * HOUR)
    assert len(cloud.questions(QUESTION)) - asked <= 6


def test_who_mends_what_failed_and_reloads_need_not_wait() -> None:
    """It is asked again at once, whether it failed or not."""
    polling, cloud = watching_all()
    fail(cloud, errors.BadAnswer("odd"))
    polling.run(3 * HOUR)
    cloud.before = lambda _operation, _plan: None
    polling.scheduler.ask_again()
    polling.run(5.0)

    assert polling.watched_regions() == {"cn-hangzhou"}


def test_dead_credentials_are_paused_for() -> None:
    """Reloads that change nothing do not hammer the API either."""
    polling, cloud = watching_all()
    fail(cloud, errors.BadCredentials("no such key"))
    for _ in range(60):
        polling.scheduler.ask_again()
        polling.run(1.0)

    assert len(cloud.questions(QUESTION)) <= 5


@pytest.mark.parametrize("error", [None, errors.BadAnswer("odd"), errors.NotPermitted("no"), SystemExit(3)])
def test_what_comes_after_an_account_was_removed_brings_nothing_back(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would ever take it away again, and its failure is not that of what came in its place."""
    polling, cloud = watching_all()
    after = FakeCloud(polling.clock, 0, regions=("cn-beijing",))
    removed: list[str] = []

    def before(operation: str, _plan: str) -> None:
        if operation == QUESTION and not removed:
            removed.append(operation)
            polling.apply(account_of(after, regions=("cn-beijing",), of_account=OF_ACCOUNT, fingerprint=2))
            if error is not None:
                raise error

    cloud.before = before
    polling.run(60.0)

    assert removed == [QUESTION]
    assert polling.watched_regions() == set()
    assert {target.scope.region for target in polling.targets} == {"cn-beijing"}
    assert [record.message for record in caplog.records] == []
    asked = len(cloud.asked)
    polling.run(2 * HOUR)
    assert len(cloud.asked) == asked


@pytest.mark.parametrize("index", [0, 1, 2])
def test_what_is_known_of_an_account_is_exported_by_one_shard(index: int) -> None:
    """It is the one that owns the account's home region; every shard finds its own among the regions."""
    shard = Shard(index=index, total=3)
    regions = tuple(f"cn-region{number}" for number in range(12))
    polling, _ = watching_all("cn-hangzhou", *regions, shard=shard)
    polling.run(120.0)
    mine = {
        region
        for region in ("cn-hangzhou", *regions)
        if shard.owns_region(Scope(account="prod", region=region))
    }

    assert (polling.store.account("prod") is not None) == shard.owns_region(HANGZHOU)
    assert polling.watched_regions() == mine
    assert mine

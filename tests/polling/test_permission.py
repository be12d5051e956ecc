"""Whom it is worth asking about after refusals: one by one, all together, and again after a while."""

from __future__ import annotations

from support.fake_clock import FakeClock

from dbs_exporter.polling.permission import DENIED_PLANS_MEAN_ALL, DENIED_RETRY_SECONDS, Permission

PLANS = [f"dbs{number}" for number in range(50)]


def granted_for_all() -> tuple[Permission, FakeClock]:
    """An operation that was granted for every plan."""
    clock = FakeClock()
    permission = Permission(clock)
    for plan in PLANS:
        permission.on_granted(plan)
    return permission, clock


def refused_for_all() -> tuple[Permission, FakeClock]:
    """An operation that was granted for every plan, and then refused for every one."""
    permission, clock = granted_for_all()
    for plan in PLANS:
        permission.on_denied(plan)
    return permission, clock


def worth_asking(permission: Permission, plans: list[str]) -> list[str]:
    """The plans that may be asked about now."""
    return [plan for plan in plans if permission.retry_after(plan) == 0]


def test_a_refused_plan_waits_alone_and_is_news_once() -> None:
    """The others are asked about; the refused one when its wait is over."""
    permission, clock = granted_for_all()

    assert permission.on_denied("dbs0") is True
    assert permission.refuses("dbs0")
    assert permission.retry_after("dbs0") == DENIED_RETRY_SECONDS[0]
    assert worth_asking(permission, PLANS) == PLANS[1:]
    clock.advance(DENIED_RETRY_SECONDS[0])
    assert worth_asking(permission, PLANS) == PLANS
    assert permission.on_denied("dbs0") is False


def test_an_operation_that_is_refused_later_is_tried_ever_more_seldom() -> None:
    """After one round of refusals one plan is asked about: after a minute, then after twice as long, at last once an hour."""
    permission, clock = granted_for_all()
    asked = []
    for minute in range(240):
        number = 0
        # As a poller does: it looks again before each plan.
        for plan in PLANS:
            if permission.retry_after(plan) == 0:
                permission.on_denied(plan)
                number += 1
        asked += [(minute, number)] if number else []
        clock.advance(60.0)

    assert asked == [(0, 50), (1, 1), (3, 1), (7, 1), (15, 1), (31, 1), (61, 1), (121, 1), (181, 1)]
    assert max(DENIED_RETRY_SECONDS) == 3600.0
    assert permission.wholly_denied


def test_a_few_refusals_and_no_grant_mean_all() -> None:
    """A fleet is not asked plan by plan about an operation that nobody granted; one grant and all are asked again."""
    permission = Permission(FakeClock())
    for plan in PLANS[: DENIED_PLANS_MEAN_ALL - 1]:
        permission.on_denied(plan)
    before = permission.wholly_denied
    permission.on_denied(PLANS[DENIED_PLANS_MEAN_ALL - 1])

    assert before is False
    assert permission.wholly_denied is True
    assert worth_asking(permission, PLANS) == []
    assert permission.refused_of(PLANS) == len(PLANS)
    assert permission.on_granted(PLANS[0]) is True
    assert worth_asking(permission, PLANS) == PLANS
    assert permission.refused_of(PLANS) == 0
    assert permission.on_granted(PLANS[1]) is False


def test_a_reload_asks_again_at_once() -> None:
    """Who mends a policy and reloads need not wait; where it was not mended, all wait again after the first try."""
    permission, _ = refused_for_all()
    assert worth_asking(permission, PLANS) == []
    permission.ask_again()

    assert worth_asking(permission, PLANS) == PLANS
    permission.on_denied("dbs7")
    assert worth_asking(permission, PLANS) == []
    assert permission.retry_after("dbs0") == DENIED_RETRY_SECONDS[0]


def test_what_belongs_to_a_region_is_asked_each_time() -> None:
    """It is one call; a refusal that was a mistake of a moment blinds nobody for an hour."""
    permission = Permission(FakeClock())
    permission.on_denied("")

    assert permission.retry_after("") == 0
    assert permission.refuses("")


def test_some_plans_refused_among_others_do_not_stop_the_others() -> None:
    """A policy by plan: however many are refused, one that is granted keeps the operation permitted."""
    permission, _ = granted_for_all()
    for plan in PLANS[:49]:
        permission.on_denied(plan)

    assert worth_asking(permission, PLANS) == ["dbs49"]
    assert permission.refused_of(PLANS) == 49
    assert permission.wholly_denied is False


def test_plans_that_are_gone_no_longer_vouch_for_the_operation() -> None:
    """The last plan that was granted is deleted; the rest are refused."""
    permission, _ = granted_for_all()
    for plan in PLANS[:49]:
        permission.on_denied(plan)
    permission.forget(set(PLANS[:49]))

    assert worth_asking(permission, PLANS[:49]) == []
    assert permission.wholly_denied is True


def test_what_another_process_was_refused_waits_on() -> None:
    """For as long as was left, and ever longer after the next refusal; the others vouch for the operation."""
    permission, clock = granted_for_all()
    for _ in range(3):
        permission.on_denied("dbs0")
    denied = permission.denied()
    clock.advance(40.0)
    other = Permission(clock)
    other.restore(denied, PLANS)

    assert other.retry_after("dbs0") == DENIED_RETRY_SECONDS[2] - 40.0
    assert other.refuses("dbs0")
    assert not other.wholly_denied
    assert worth_asking(other, PLANS) == PLANS[1:]
    other.on_denied("dbs0")
    assert other.retry_after("dbs0") == DENIED_RETRY_SECONDS[3]


def test_what_was_refused_altogether_stays_so() -> None:
    """A restart asks for nothing again."""
    permission, clock = refused_for_all()
    other = Permission(clock)
    other.restore(permission.denied(), [])

    assert other.wholly_denied
    assert worth_asking(other, PLANS) == []


def test_no_restored_wait_is_longer_than_the_longest() -> None:
    """Also where the clock was set meanwhile."""
    clock = FakeClock()
    permission = Permission(clock)
    permission.restore({"a": (1, clock.now() + 1e9)}, [])

    assert permission.retry_after("a") == DENIED_RETRY_SECONDS[-1]

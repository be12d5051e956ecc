"""`objectives` in the configuration: whose plans are, and when nobody is paged about them."""

from __future__ import annotations

import pytest

from dbs_exporter.config.load import parse_config, warnings_of
from dbs_exporter.config.models import Config
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.maintenance import FOREVER, Maintenance, read_cron, read_instant
from dbs_exporter.facts.objectives import Owner


def config(entry: str) -> Config:
    return parse_config(
        f'accounts: [{{name: prod, regions: [cn-hangzhou]}}]\nobjectives:\n  - {{plans: ["*"], {entry}}}\n'
    )


def test_labels_say_whose_plans_are() -> None:
    """What is not given is nobody's."""
    assert config("labels: {team: pay, tier: gold}").objectives[0].whose == Owner(team="pay", tier="gold")
    assert config("rpo: 1h").objectives[0].whose == Owner()


def test_maintenance_is_once_or_again_and_again() -> None:
    """In its zone."""
    [entry] = config(
        "maintenance: [{cron: 30 1 * * sat, duration: 3h, zone: Asia/Shanghai, reason: moves},"
        " {from: 2026-12-24T22:00, to: 2026-12-25T06:00, zone: Asia/Shanghai}]"
    ).objectives

    assert entry.mutes == (
        Maintenance(reason="moves", cron=read_cron("30 1 * * 6"), duration=10_800.0, zone="Asia/Shanghai"),
        Maintenance(
            reason="maintenance",
            begin=read_instant("2026-12-24T14:00"),
            end=read_instant("2026-12-24T22:00"),
        ),
    )


def test_alerts_that_are_off_are_asked_for_their_end() -> None:
    """`off` and `false` are one; without an end `check` warns."""
    for word in ("off", "false"):
        endless = config(f"alerts: {word}")
        assert endless.objectives[0].mutes == (Maintenance(reason="alerts: off", end=FOREVER),)
        assert "objectives[0].alerts: off without an end" in warnings_of(endless)[0]
    ending = config("alerts: off, alerts_until: 2026-12-24T22:00")
    assert ending.objectives[0].mutes[0].end == read_instant("2026-12-24T22:00")
    assert warnings_of(ending) == warnings_of(config("alerts: on")) == ()


@pytest.mark.parametrize(
    ("window", "where", "problem"),
    [
        ("{from: soon, to: 2026-12-25}", ".from", "'soon' is not a date and time"),
        ("{from: 2026-12-25, to: 7}", ".to", "not a date and time"),
        ("{from: 2026-12-25}", "", "no `to`; a window in which nobody is paged needs an end"),
        ("{to: 2026-12-25}", "", "neither `from` and `to` nor `cron` and `duration`"),
        ("{from: 2026-12-25, to: 2026-12-24}", "", "`to` is not after `from`"),
        ("{from: 2026-12-24, to: 2026-12-25, duration: 1h}", "", "`duration` belongs to `cron`"),
        ("{cron: 1 2 * * *, from: 2026-12-25, duration: 1h}", "", "both `cron` and `from` or `to`"),
        ("{cron: 1 2 * * *}", "", "no `duration`; say how long"),
        ("{cron: 1 2, duration: 1h}", ".cron", "'1 2' is not a cron line of five parts"),
        ("{zone: Mars/X, from: 2026-12-24, to: 2026-12-25}", ".zone", "'Mars/X' is no time zone"),
        ("{frm: 2026-12-24}", ".frm", "unknown key; did you mean 'from'?"),
    ],
)
def test_a_wrong_window_is_refused_with_what_would_be_right(window: str, where: str, problem: str) -> None:
    """With line and key."""
    with pytest.raises(ConfigError) as caught:
        config(f"maintenance: [{window}]")
    assert f"configuration:3: objectives[0].maintenance[0]{where}: {problem}" in str(caught.value)

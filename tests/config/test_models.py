"""The models: every default, and a key for every collector of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from support.configurations import ACCOUNT

from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.load import parse_config
from dbs_exporter.config.models import (
    CREDENTIAL_KEYS,
    CredentialsConfig,
    PlanCollectorConfig,
    PlanSelection,
    config_model,
)


def test_what_is_not_said_has_the_documented_defaults() -> None:
    """The smallest file gives the intervals, bounds and addresses of the interface."""
    config = parse_config(ACCOUNT, environ={})

    account = config.accounts[0]
    assert (account.credentials.type, account.plans, account.network, account.endpoint) == (
        "default", "all", "public", None,
    )  # fmt: skip
    assert (account.requests_per_second, account.concurrency, account.timeout) == (5.0, 4, 10.0)
    settings = {collector.name: config.collectors.of(collector.name) for collector in TABLE}
    assert {
        name: (setting.interval, getattr(setting, "at_rest", None), setting.enabled)
        for name, setting in settings.items()
    } == {
        "plans": (120, None, True), "gateways": (60, None, True), "full_backups": (120, 3600, True),
        "incremental_backups": (60, 1800, True), "restores": (60, 1800, True),
        "restore_ranges": (600, 21600, True), "prechecks": (300, 3600, True), "downloads": (120, 3600, True),
        "job_errors": (120, 3600, True), "regions": (3600, None, True), "nodes": (3600, None, True),
        "billing": (21600, 21600, False),
    }  # fmt: skip
    assert config.objectives == ()
    assert (config.web.listen_addresses, config.web.telemetry_path) == ((":10033",), "/metrics")
    assert (config.log.level, config.log.format) == ("info", "logfmt")


def test_a_collector_that_is_named_keeps_what_is_not_said_of_it() -> None:
    """Switching billing on keeps its six hours; a new interval for plans keeps it enabled."""
    config = parse_config(
        ACCOUNT + "collectors: {billing: {enabled: true}, plans: {interval: 1m}}", environ={}
    )
    billing, plans = config.collectors.of("billing"), config.collectors.of("plans")

    assert (billing.interval, billing.enabled) == (21600, True)
    assert (plans.interval, plans.enabled) == (60, True)


def test_of_plans_two_ages_can_be_chosen_each_by_itself() -> None:
    """How old facts may be while something happens, and while nothing does; a file from before the second one stays valid."""
    config = parse_config(
        ACCOUNT
        + "collectors: {full_backups: {at_rest: 2h}, restores: {interval: 30s}, downloads: {interval: 5m, at_rest: 1d}}",
        environ={},
    )
    ages = {
        name: (setting.interval, setting.at_rest, setting.enabled)
        for name in ("full_backups", "restores", "downloads")
        if isinstance(setting := config.collectors.of(name), PlanCollectorConfig)
    }

    assert ages == {
        "full_backups": (120, 7200, True),
        "restores": (30, 1800, True),
        "downloads": (300, 86400, True),
    }


def test_patterns_by_default_include_everything() -> None:
    """`plans: {exclude: …}` alone means all but those."""
    assert PlanSelection().include == ("*",)


def test_a_table_of_other_collectors_has_other_keys() -> None:
    """What is read decides what can be configured: a collector that is not in the table is an unknown key."""
    table = Table([replace(TABLE["plans"], interval_seconds=7.0), replace(TABLE["gateways"], name="doors")])
    config = parse_config(ACCOUNT + "collectors: {doors: {enabled: false}}", environ={}, table=table)

    assert list(type(config.collectors).model_fields) == ["plans", "doors"]
    assert config.collectors.of("plans").interval == 7.0
    assert not config.collectors.of("doors").enabled
    assert config_model(table) is config_model(table)


def test_what_was_read_cannot_be_changed() -> None:
    """A configuration is shared by threads, so it stays as it was read."""
    config = parse_config(ACCOUNT, environ={})
    with pytest.raises(ValidationError, match="frozen"):
        config.accounts[0].name = "other"


def test_every_key_of_credentials_belongs_to_a_type() -> None:
    """No key is left that no type of credentials takes."""
    taken = {key for needed, allowed in CREDENTIAL_KEYS.values() for key in (*needed, *allowed)}
    keys = {
        key.removesuffix("_file") if key.startswith(("access", "security")) else key
        for key in CredentialsConfig.model_fields
        if key != "type"
    }

    assert keys == taken

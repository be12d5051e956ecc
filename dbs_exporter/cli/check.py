"""`dbs-exporter check`: tests a configuration with one cheap call per operation, account and region, and the list of plans.

This module owns the calls and the verdict on their answers; what follows from them is in `check_report`. It never changes
anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import click

from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.endpoints import REGIONS, endpoint_url
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import Sessions
from dbs_exporter.cli.check_json import report_as_json
from dbs_exporter.cli.check_report import (
    AccountReport,
    Answer,
    RegionReport,
    Report,
    TooFewCalls,
    clock_warning,
)
from dbs_exporter.clock import Clock, SystemClock
from dbs_exporter.collectors.base import AccountCollector, Collector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.load import DEFAULT_REGION, load_config, secrets_of, selects, warnings_of
from dbs_exporter.config.models import AccountConfig, Config, PlanCollectorConfig
from dbs_exporter.errors import (
    ApiError,
    BadCredentials,
    CredentialsError,
    DbsExporterError,
    Invalid,
    NotPermitted,
    Timeout,
    Unreachable,
)
from dbs_exporter.facts.limits import CLOCK_OFFSET_SECONDS
from dbs_exporter.facts.networks import read_regions
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.plans import PLANS, Plan, read_plan
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.logs import conceal
from dbs_exporter.polling.counting import PAGE
from dbs_exporter.polling.forecast import forecast
from dbs_exporter.polling.poller import READING_SECONDS
from dbs_exporter.polling.target import Ages

UNKNOWN_ID = "dbs0000000000"
"""An id that no plan or task has. If an account has no plan, the answer "no such plan" still shows that the call is
permitted.
"""
Format = Literal["table", "json"]

_FATAL = (BadCredentials, CredentialsError, Unreachable, Timeout)
_REGIONS_AT_ONCE = 4
_CALL_SECONDS = 60.0
_LIST_SECONDS = 300.0
"""For the whole list of plans, which is paced like all calls."""


def check_configuration(
    config_file: str,
    *,
    offline: bool,
    strict: bool = False,
    form: Format = "table",
    clock: Clock | None = None,
    table: Table = TABLE,
) -> int:
    """Check a configuration, print the results and return the exit code.

    `offline` stops after the file has been validated; `strict` takes warnings for failures. Raises ConfigError if the file is
    wrong.
    """
    config = load_config(config_file, table=table)
    report = Report(
        file=config_file,
        configured=len(config.accounts),
        strict=strict,
        offline=offline,
        warnings=list(warnings_of(config)),
    )
    if not offline:
        for account in config.accounts:
            report.accounts.append(check_account(config, account, clock or SystemClock(), table))
        report.warn_of_objectives(config.objectives)
        report.warn_of_shared_plans()
    if form == "json":
        click.echo(report_as_json(report))
    else:
        report.print()
    return report.exit_code


def check_account(
    config: Config, account: AccountConfig, clock: Clock, table: Table = TABLE
) -> AccountReport:
    """Check an account: first its credentials, then each region."""
    conceal(secrets_of(account))
    report = AccountReport(name=account.name, credentials=account.credentials.type)
    try:
        source = credential_source(
            account.credentials, account=account.name, clock=clock, on_refresh_failure=lambda _: None
        )
        report.expires_at = source.get().expires_at
    except CredentialsError as error:
        report.problem = error
        return report

    sessions = Sessions(clock)

    def client(region: str) -> Client:
        return Client(
            Scope(account=account.name, region=region),
            endpoint_url(region, network=account.network, override=account.endpoint),
            source,
            Pacer(account.requests_per_second, account.concurrency, clock),
            clock,
            account.timeout,
            sessions=sessions,
        )

    try:
        _check_regions(report, config, account, client, clock, table)
    finally:
        sessions.close()
    return report


def _check_regions(
    report: AccountReport,
    config: Config,
    account: AccountConfig,
    client: Callable[[str], Client],
    clock: Clock,
    table: Table,
) -> None:
    regions: tuple[str, ...]
    if account.regions == "all":
        try:
            regions = read_regions(client(DEFAULT_REGION).call("DescribeRegions", {}, within=_CALL_SECONDS))
        except (ApiError, CredentialsError) as error:
            report.regions_problem = error
            return
    else:
        regions = account.regions
        if account.endpoint is None:
            report.warnings += [
                f"region {region} is not known to have DBS; is it spelled right?"
                for region in regions
                if region not in REGIONS
            ]
    with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="check") as pool:
        report.regions += pool.map(
            lambda region: check_region(
                config, account, region, client(region), clock, table, home=region == regions[0]
            ),
            regions,
        )


def check_region(
    config: Config,
    account: AccountConfig,
    region: str,
    client: Client,
    clock: Clock,
    table: Table,
    *,
    home: bool,
) -> RegionReport:
    """Read the list of plans, call each other operation once that the enabled collectors need, and report the answers.

    `home` is the region in which the collectors of the account are asked about.
    """
    report = RegionReport(account=account.name, region=region)
    callers = _collectors_by_operation(config, table, home=home)
    pages: dict[str, int] = {}

    def check(operation: str, call: Callable[[], None]) -> None:
        names = tuple(collector.name for collector in callers[operation])
        if any(isinstance(answer.problem, _FATAL) for answer in report.answers):
            # The other operations would fail in the same way, each after all its attempts.
            report.answers.append(Answer(operation=operation, collectors=names, verdict="not asked"))
            return
        report.answers.append(_answer(operation, names, call))

    def list_plans(operation: str) -> None:
        interval = config.collectors.of(PLANS.name).interval
        records = client.pages(
            operation,
            {"ShowRecoverTimeRange": True, "ShowBackupStrategyInfo": True, "ShowStorageStrategyInfo": True},
            within=_LIST_SECONDS,
            on_page=lambda _page, total: _require_time(total, account.requests_per_second, interval),
        )
        report.plans_found = len(records)
        plans: list[Plan] = Reader(client.time.now()).readable(records, read_plan)[0]
        report.plans = [plan for plan in plans if selects(account, plan)]

    def call_once(operation: str) -> None:
        plan_id = report.plans[0].plan_id if report.plans else UNKNOWN_ID
        parameters = _parameters(operation, callers[operation], plan_id, clock.now())
        try:
            answer = client.call(operation, parameters, within=_CALL_SECONDS)
        except Invalid:
            # There is no such plan, or the plan has no such thing: the API looked for it, so the call is permitted.
            answer = {}
        if OPERATIONS[operation].page_sizes:
            size = max(1, math.ceil(_total(answer, 1) / 100))
            pages.update({collector.name: size for collector in callers[operation]})

    plan_lists = [
        name
        for name, operation_callers in callers.items()
        if any(collector.group is PLANS for collector in operation_callers)
    ]
    for operation in plan_lists:
        check(operation, partial(list_plans, operation))
    for operation in callers:
        if operation not in plan_lists:
            check(operation, partial(call_once, operation))

    offset = client.time.offset_seconds
    if offset is not None and abs(offset) > CLOCK_OFFSET_SECONDS:
        report.warnings.append(clock_warning(offset))
    if report.plans_found is not None:
        enabled = {collector for operation_callers in callers.values() for collector in operation_callers}
        objectives = objectives_for(config.objectives)
        report.forecast = forecast(
            [(plan, objectives(plan)) for plan in report.plans],
            listed=report.plans_found,
            collectors=[collector for collector in table if collector in enabled],
            ages={collector.name: _ages(config, collector) for collector in enabled},
            calls_per_second=account.requests_per_second,
            pages=pages,
            now=clock.now(),
        )
    return report


def _require_time(plans: int, calls_per_second: float, interval: float) -> None:
    """Raise TooFewCalls if the pages of so many plans cannot be read before a reading of the list is given up."""
    pages = math.ceil(plans / PAGE)
    seconds = max(READING_SECONDS, interval)
    if pages > seconds * calls_per_second:
        raise TooFewCalls(
            f"the list of {plans} plans has {pages} pages, which {calls_per_second:g} calls a second do not bring within"
            f" {format_duration(seconds)}: it would never be read; raise requests_per_second to"
            f" {math.ceil(10 * pages / seconds) / 10:g} at least"
        )


def _ages(config: Config, collector: Collector[Any]) -> Ages:
    setting = config.collectors.of(collector.name)
    at_rest = setting.at_rest if isinstance(setting, PlanCollectorConfig) else setting.interval
    return Ages(interval=setting.interval, at_rest=at_rest)


def _collectors_by_operation(
    config: Config, table: Table, *, home: bool
) -> dict[str, tuple[Collector[Any], ...]]:
    """Return the enabled collectors that call each operation; those of accounts only in the home region."""
    callers: dict[str, tuple[Collector[Any], ...]] = {}
    for collector in table:
        if config.collectors.of(collector.name).enabled and (
            home or not isinstance(collector, AccountCollector)
        ):
            for operation in collector.operations:
                callers[operation] = (*callers.get(operation, ()), collector)
    return callers


def _parameters(
    operation: str, collectors: Sequence[Collector[Any]], plan_id: str, now: float
) -> dict[str, object]:
    """Return the parameters of the cheapest call of an operation about a plan."""
    accepted = {parameter.name for parameter in OPERATIONS[operation].parameters}
    parameters: dict[str, object] = {}
    if "BackupPlanId" in accepted:
        parameters["BackupPlanId"] = plan_id
    if "PageSize" in accepted:
        parameters |= {"PageNum": 0, "PageSize": 30}
    for collector in collectors:
        if collector.probe is not None and operation in collector.probe:
            parameters |= collector.probe[operation](now)
    return parameters


def _answer(operation: str, collectors: tuple[str, ...], call: Callable[[], None]) -> Answer:
    try:
        call()
    except (ApiError, CredentialsError) as error:
        return Answer(operation=operation, collectors=collectors, verdict=_verdict(error), problem=error)
    return Answer(operation=operation, collectors=collectors, verdict="ok")


def _verdict(error: DbsExporterError) -> str:
    if isinstance(error, NotPermitted | BadCredentials):
        reason = "not permitted" if isinstance(error, NotPermitted) else "credentials refused"
        return f"{reason}: {error.code or error.message}" + (f"; {error.cure}" if error.cure else "")
    return str(error)


def _total(answer: Mapping[str, object], default: int) -> int:
    try:
        return int(str(answer.get("TotalElements", default)))
    except ValueError:
        return default

"""`dbs-exporter check`: tests a configuration with one cheap call per operation, account and region.

This module owns the calls, the verdict on their answers, and the estimate of the calls per hour that polling will cost. It
never changes anything, and makes no more calls than an operator would by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click

from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.endpoints import REGIONS, endpoint_url
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import Sessions
from dbs_exporter.clock import Clock, SystemClock
from dbs_exporter.collectors.base import AccountCollector, Collector, PlanCollector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.load import DEFAULT_REGION, load_config, secrets_of, selects, warnings_of
from dbs_exporter.config.models import AccountConfig, CollectorsConfig, Config
from dbs_exporter.errors import (
    EXIT_DENIED,
    EXIT_OK,
    EXIT_UNEXPECTED,
    EXIT_UNREACHABLE,
    ApiError,
    BadAnswer,
    BadCredentials,
    CredentialsError,
    DbsExporterError,
    Denied,
    Invalid,
    NotPermitted,
    Timeout,
    Unreachable,
)
from dbs_exporter.facts.fields import items
from dbs_exporter.facts.networks import read_regions
from dbs_exporter.facts.plans import PLANS, Plan, read_plan
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.logs import conceal

UNKNOWN_ID = "dbs0000000000"
"""An id that no plan or task has. If an account has no plan, the answer "no such plan" still shows that the call is
permitted.
"""

_FATAL = (BadCredentials, CredentialsError, Unreachable, Timeout)
_REGIONS_AT_ONCE = 4
_CALL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of an operation in a region; `verdict` is a short text for the table."""

    operation: str
    collectors: tuple[str, ...]
    verdict: str
    calls_per_hour: float | None = None
    problem: DbsExporterError | None = None


@dataclass(slots=True, kw_only=True)
class RegionReport:
    """The results of a check of an account in a region."""

    account: AccountConfig
    region: str
    answers: list[Answer] = field(default_factory=list)
    plans_found: int | None = None
    plans_selected: int | None = None

    @property
    def calls_per_hour(self) -> float:
        """The calls per hour that polling the region will cost, as far as they are known."""
        return sum(answer.calls_per_hour or 0.0 for answer in self.answers)


def check_configuration(
    config_file: str, *, offline: bool, clock: Clock | None = None, table: Table = TABLE
) -> int:
    """Check a configuration, print the results and return the exit code.

    `offline` stops after the file has been validated. Raises ConfigError if the file is wrong.
    """
    config = load_config(config_file, table=table)
    click.echo(f"{config_file}: valid; {_counted(len(config.accounts), 'account')}")
    for warning in warnings_of(config):
        click.echo(f"{config_file}: warning: {warning}")
    if offline:
        return EXIT_OK
    reports: list[RegionReport] = []
    problems: list[DbsExporterError] = []
    for account in config.accounts:
        account_reports, account_problems = check_account(config, account, clock or SystemClock(), table)
        reports += account_reports
        problems += account_problems
    _print(reports)
    problems += [answer.problem for report in reports for answer in report.answers if answer.problem]
    return _exit_code(problems)


def check_account(
    config: Config, account: AccountConfig, clock: Clock, table: Table = TABLE
) -> tuple[list[RegionReport], list[DbsExporterError]]:
    """Check an account: first its credentials, then each region.

    Returns the reports of its regions, and the problems that ended the check early.
    """
    conceal(secrets_of(account))
    try:
        source = credential_source(
            account.credentials, account=account.name, clock=clock, on_refresh_failure=lambda _: None
        )
        credentials = source.get()
    except CredentialsError as error:
        click.echo(f"{account.name}: credentials ({account.credentials.type}): {error}")
        return [], [error]
    expiry = "" if credentials.expires_at is None else f", good until {_utc(credentials.expires_at)}"
    click.echo(f"{account.name}: credentials ({account.credentials.type}): found{expiry}")

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
        return _check_regions(config, account, client, clock, table)
    finally:
        sessions.close()


def _check_regions(
    config: Config, account: AccountConfig, client: Callable[[str], Client], clock: Clock, table: Table
) -> tuple[list[RegionReport], list[DbsExporterError]]:
    regions: tuple[str, ...]
    if account.regions == "all":
        try:
            regions = read_regions(client(DEFAULT_REGION).call("DescribeRegions", {}, within=_CALL_SECONDS))
        except (ApiError, CredentialsError) as error:
            click.echo(f"{account.name}: regions: all: {error}")
            return [], [error]
    else:
        regions = account.regions
        if account.endpoint is None:
            for region in regions:
                if region not in REGIONS:
                    click.echo(
                        f"{account.name}: warning: region {region} is not known to have DBS;"
                        " is it spelled right?"
                    )
    with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="check") as pool:
        reports = list(
            pool.map(
                lambda region: check_region(
                    _collectors_by_operation(config.collectors, table, home=region == regions[0]),
                    account,
                    region,
                    client(region),
                    clock,
                    config.collectors,
                ),
                regions,
            )
        )
    return reports, []


def check_region(
    callers: Mapping[str, tuple[Collector[Any], ...]],
    account: AccountConfig,
    region: str,
    client: Client,
    clock: Clock,
    collectors: CollectorsConfig,
) -> RegionReport:
    """Call each operation once that the enabled collectors need, and report the answers.

    `callers` holds the enabled collectors that call an operation, by the operation's name.
    """
    report = RegionReport(account=account, region=region)
    plans: list[Plan] = []

    def check(operation: str, call: Callable[[], float | None]) -> None:
        names = tuple(collector.name for collector in callers[operation])
        if any(isinstance(answer.problem, _FATAL) for answer in report.answers):
            # The other operations would fail in the same way, each after all its attempts.
            report.answers.append(Answer(operation=operation, collectors=names, verdict="not asked"))
            return
        report.answers.append(_answer(operation, names, call))

    def interval_of(operation: str) -> float:
        return min(collectors.of(collector.name).interval for collector in callers[operation])

    def list_plans(operation: str) -> float | None:
        path = OPERATIONS[operation].list_path or ()
        if account.plans == "all":
            answer = client.call(operation, {"PageNum": 0, "PageSize": 30}, within=_CALL_SECONDS)
            records = items(answer, path)
            report.plans_found = _total(answer, len(records))
        else:
            # Patterns and ids can only be matched against the whole list.
            records = client.pages(operation, {}, within=_CALL_SECONDS)
            report.plans_found = len(records)
        plans.extend(
            plan for plan in Reader(clock.now()).readable(records, read_plan)[0] if selects(account, plan)
        )
        report.plans_selected = report.plans_found if account.plans == "all" else len(plans)
        return _per_hour(interval_of(operation)) * _pages(report.plans_found)

    def call_once(operation: str) -> float | None:
        operation_callers = callers[operation]
        plan_id = plans[0].plan_id if plans else UNKNOWN_ID
        parameters = _parameters(operation, operation_callers, plan_id, clock.now())
        try:
            answer = client.call(operation, parameters, within=_CALL_SECONDS)
        except Invalid:
            # There is no such plan, or the plan has no such thing: the API looked for it, so the call is permitted.
            answer = {}
        if all(collector.on_demand for collector in operation_callers):
            return None
        pages = _pages(_total(answer, 1)) if OPERATIONS[operation].page_sizes else 1
        of_plans = any(isinstance(collector, PlanCollector) for collector in operation_callers)
        return _per_hour(interval_of(operation)) * pages * ((report.plans_selected or 0) if of_plans else 1)

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
    return report


def _collectors_by_operation(
    collectors: CollectorsConfig, table: Table, *, home: bool
) -> dict[str, tuple[Collector[Any], ...]]:
    """Return the enabled collectors that call each operation; those of accounts only in the home region."""
    callers: dict[str, tuple[Collector[Any], ...]] = {}
    for collector in table:
        if collectors.of(collector.name).enabled and (home or not isinstance(collector, AccountCollector)):
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


def _answer(operation: str, collectors: tuple[str, ...], call: Callable[[], float | None]) -> Answer:
    try:
        calls_per_hour = call()
    except (ApiError, CredentialsError) as error:
        return Answer(operation=operation, collectors=collectors, verdict=_verdict(error), problem=error)
    return Answer(operation=operation, collectors=collectors, verdict="ok", calls_per_hour=calls_per_hour)


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


def _pages(total: int) -> int:
    return max(1, math.ceil(total / 100))


def _per_hour(interval: float) -> float:
    return 3600 / interval


def _exit_code(problems: list[DbsExporterError]) -> int:
    """Return the exit code of the worst problem: refused credentials or permissions before reachability."""
    if not problems:
        return EXIT_OK
    if any(isinstance(problem, Denied | CredentialsError) for problem in problems):
        return EXIT_DENIED
    if all(isinstance(problem, BadAnswer | Invalid) for problem in problems):
        return EXIT_UNEXPECTED
    return EXIT_UNREACHABLE


def _print(reports: list[RegionReport]) -> None:
    from dbs_exporter.cli.tables import print_rows

    for report in reports:
        rows, failed_rows = [], []
        for number, answer in enumerate(report.answers):
            cost = "" if answer.calls_per_hour is None else f"{answer.calls_per_hour:,.0f}"
            rows.append((answer.operation, ", ".join(answer.collectors), answer.verdict, cost))
            if answer.problem:
                failed_rows.append(number)
        print_rows(
            f"{report.account.name} / {report.region}",
            ("operation", "collectors", "answer", "calls per hour"),
            rows,
            failed_rows,
        )
        for line in _summary(report):
            click.echo(line)
    failures = sum(1 for report in reports for answer in report.answers if answer.problem)
    if reports:
        click.echo("All is well." if not failures else f"{_counted(failures, 'question')} failed.")


def _summary(report: RegionReport) -> Iterator[str]:
    if report.plans_found is not None:
        yield f"plans: {report.plans_found} found, {report.plans_selected} selected"
        if report.plans_selected == 0:
            yield "warning: no plan is selected; look at `plans` of the account, and at the region"
    limit = report.account.requests_per_second * 3600
    yield f"calls: about {report.calls_per_hour:,.0f} per hour of {limit:,.0f} allowed by requests_per_second"
    if report.calls_per_hour > limit * 0.8:
        yield "warning: too near the limit; data will be older than its intervals: raise them or the limit"


def _utc(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

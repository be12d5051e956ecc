"""What `dbs-exporter check` found: warnings that follow from the answers, the exit code, and how it is printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click

from dbs_exporter.config.durations import format_duration
from dbs_exporter.errors import (
    EXIT_BUDGET,
    EXIT_DENIED,
    EXIT_OK,
    EXIT_UNEXPECTED,
    EXIT_UNREACHABLE,
    EXIT_WARNED,
    BadAnswer,
    CredentialsError,
    DbsExporterError,
    Denied,
    Invalid,
)
from dbs_exporter.facts.objectives import ObjectiveRule, matches, objectives_for, schedule_max_gap_seconds
from dbs_exporter.facts.plans import Plan
from dbs_exporter.polling.forecast import Forecast

FOLD_SHARE = 0.01
"""Of the allowed calls: collectors that are well and want less share a row."""
LEAST_RPO_SECONDS = 180.0
"""What is known of a recovery point may be that old, so a smaller RPO cannot be judged."""
_NAMED = 3
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


class TooFewCalls(DbsExporterError):
    """The allowed calls do not suffice to read a list to its end in time."""

    exit_code = EXIT_BUDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of an operation in a region; `verdict` is a short text for the table."""

    operation: str
    collectors: tuple[str, ...]
    verdict: str
    problem: DbsExporterError | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it was answered."""
        return self.verdict == "ok"


@dataclass(slots=True, kw_only=True)
class RegionReport:
    """The results of a check of an account in a region."""

    account: str
    region: str
    answers: list[Answer] = field(default_factory=list)
    plans_found: int | None = None
    """None if the list of plans could not be read."""
    plans: list[Plan] = field(default_factory=list)
    """Those that the configuration selects."""
    forecast: Forecast | None = None
    warnings: list[str] = field(default_factory=list)
    """About objectives that the region's plans cannot meet."""

    @property
    def where(self) -> str:
        """Account and region as they are printed."""
        return f"{self.account} / {self.region}"

    @property
    def lacks_calls(self) -> bool:
        """Whether the allowed calls do not suffice."""
        return self.forecast is not None and self.forecast.stretch > 1

    def all_warnings(self) -> list[str]:
        """Return what is allowed and disappoints."""
        found = list(self.warnings)
        if self.plans_found is not None and not self.plans:
            found.append("no plan is selected; look at `plans` of the account, and at the region")
        if self.forecast is not None and self.lacks_calls:
            found.append(_shortage(self.forecast))
        return found


@dataclass(slots=True, kw_only=True)
class AccountReport:
    """The results of a check of an account."""

    name: str
    credentials: str
    """The type of their source."""
    expires_at: float | None = None
    problem: DbsExporterError | None = None
    """Why there are no credentials."""
    regions_problem: DbsExporterError | None = None
    """Why it is not known which regions there are."""
    regions: list[RegionReport] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Report:
    """The results of a check."""

    file: str
    configured: int
    """How many accounts the file has."""
    strict: bool
    offline: bool
    warnings: list[str] = field(default_factory=list)
    accounts: list[AccountReport] = field(default_factory=list)

    @property
    def regions(self) -> list[RegionReport]:
        """All regions of all accounts."""
        return [region for account in self.accounts for region in account.regions]

    @property
    def exit_code(self) -> int:
        """The exit code of the worst problem: refused credentials or permissions before reachability, and that before the calls."""
        problems = list(self._problems())
        if any(isinstance(problem, Denied | CredentialsError) for problem in problems):
            return EXIT_DENIED
        if any(not isinstance(problem, TooFewCalls) for problem in problems):
            unexpected = all(isinstance(problem, BadAnswer | Invalid) for problem in problems)
            return EXIT_UNEXPECTED if unexpected else EXIT_UNREACHABLE
        if problems or any(region.lacks_calls for region in self.regions):
            return EXIT_BUDGET
        return EXIT_WARNED if self.strict and any(self.every_warning()) else EXIT_OK

    def _problems(self) -> Iterator[DbsExporterError]:
        for account in self.accounts:
            yield from filter(None, (account.problem, account.regions_problem))
        for region in self.regions:
            yield from (answer.problem for answer in region.answers if answer.problem)

    def every_warning(self) -> Iterator[tuple[str, str]]:
        """(where, what) of each warning."""
        yield from ((self.file, warning) for warning in self.warnings)
        for account in self.accounts:
            yield from ((account.name, warning) for warning in account.warnings)
            for region in account.regions:
                yield from ((region.where, warning) for warning in region.all_warnings())

    # ── what follows from all answers together ──

    def warn_of_objectives(self, rules: Sequence[ObjectiveRule]) -> None:
        """Warn of objectives that hold for no plan, and of those that plans cannot meet as they are."""
        plans_of: dict[int, int] = Counter()
        for region in self.regions:
            of_rule: dict[int, list[Plan]] = {}
            for plan in region.plans:
                first = next((index for index, rule in enumerate(rules) if matches(rule.plans, plan)), None)
                if first is not None:
                    of_rule.setdefault(first, []).append(plan)
            for index, plans in of_rule.items():
                plans_of[index] += len(plans)
                region.warnings += _unmet(index, rules[index], plans)
            held_to = objectives_for(rules)
            nobody = [
                plan.plan_id
                for plan in region.plans
                if (given := held_to(plan)).rpo is None
                and given.full_backup_interval is None
                and "EnableBackupLog" not in plan.unreadable
            ]
            if nobody:
                region.warnings.append(
                    f"nothing says how old backups of {_counted(len(nobody), 'plan')} may be ({_some(nobody)}): no schedule, no log"
                    " backup, no objective; give them rpo or full_backup_interval in objectives"
                )
        complete = self.accounts and all(
            account.problem is None and account.regions_problem is None for account in self.accounts
        )
        if complete and all(region.plans_found is not None for region in self.regions):
            self.warnings += [
                f"objectives[{index}]: holds for no plan; patterns are matched with plan ids and names,"
                " and of several entries the first that matches holds"
                for index in range(len(rules))
                if not plans_of[index]
            ]

    def warn_of_shared_plans(self) -> None:
        """Warn of accounts of the configuration that list the same plans: they are one cloud account, with one quota."""
        owners: dict[str, list[str]] = {}
        for region in self.regions:
            for plan in region.plans:
                owners.setdefault(plan.plan_id, []).append(region.account)
        shared: dict[tuple[str, ...], list[str]] = {}
        for plan_id, accounts in owners.items():
            names = tuple(dict.fromkeys(accounts))
            if len(names) > 1:
                shared.setdefault(names, []).append(plan_id)
        for names, plan_ids in shared.items():
            self.warnings.append(
                f"accounts {' and '.join(names)} list the same plans ({_some(plan_ids)}): they belong to one"
                " cloud account and share its quota, and each plan is read and paged about twice"
            )

    # ── printing ──

    def print(self) -> None:
        """Print the results for people."""
        click.echo(f"{self.file}: valid; {_counted(self.configured, 'account')}")
        for account in self.accounts:
            if account.problem is not None:
                click.echo(f"{account.name}: credentials ({account.credentials}): {account.problem}")
                continue
            expiry = "" if account.expires_at is None else f", good until {_utc(account.expires_at)}"
            click.echo(f"{account.name}: credentials ({account.credentials}): found{expiry}")
            if account.regions_problem is not None:
                click.echo(f"{account.name}: regions: all: {account.regions_problem}")
            for region in account.regions:
                _print_region(region)
        warnings = list(self.every_warning())
        for where, warning in warnings:
            click.echo(f"{where}: warning: {warning}")
        if self.offline:
            return
        failures = len(list(self._problems()))
        if failures:
            click.echo(f"{_counted(failures, 'question')} failed.")
        elif warnings:
            click.echo(f"Everything was answered; {_counted(len(warnings), 'warning')}.")
        else:
            click.echo("All is well.")


def _unmet(index: int, rule: ObjectiveRule, plans: Sequence[Plan]) -> Iterator[str]:
    where = f"objectives[{index}]"
    if rule.rpo is not None:
        rpo = format_duration(rule.rpo)
        without_log = [
            plan.plan_id
            for plan in plans
            if plan.log_backup_enabled is False
            and rule.rpo < (schedule_max_gap_seconds(plan.schedule) or 0.0)
        ]
        if without_log:
            yield (
                f"{where}.rpo: {rpo} cannot be met by {_counted(len(without_log), 'plan')} without log backup"
                f" ({_some(without_log)}), whose full backups are further apart; switch log backup on or allow more"
            )
        elif rule.rpo < LEAST_RPO_SECONDS:
            least = format_duration(LEAST_RPO_SECONDS)
            yield f"{where}.rpo: {rpo} cannot be judged: a recovery point is known up to {least} late; allow at least that"
    if rule.full_backup_interval is not None:
        too_seldom = [
            plan.plan_id
            for plan in plans
            if (schedule_max_gap_seconds(plan.schedule) or 0.0) > rule.full_backup_interval
        ]
        if too_seldom:
            yield (
                f"{where}.full_backup_interval: {format_duration(rule.full_backup_interval)} cannot be met by"
                f" {_counted(len(too_seldom), 'plan')} ({_some(too_seldom)}), whose schedule is slower"
            )


def clock_warning(offset: float) -> str:
    """Return how far the machine's clock is from the API's (seconds, positive: it is behind), and what mends it."""
    side = "behind" if offset > 0 else "ahead of"
    return (
        f"this machine's clock is {format_duration(max(1, round(abs(offset))))} {side} the API's; set it (NTP). The exporter goes"
        " by the API's time, other programs and a Prometheus here do not"
    )


def _shortage(forecast: Forecast) -> str:
    """Return how far the calls are from enough, what that does, and what would mend it."""
    at_rest, in_window = sum(forecast.at_rest.values()), sum(forecast.in_window.values())
    wanted = (
        f"{at_rest:,.0f} are wanted at rest"
        if forecast.stretch_at_rest > 1
        else f"{in_window:,.0f} are wanted in the hour in which most full backups start"
    )
    dearest = max(forecast.at_rest, key=lambda name: forecast.at_rest[name])
    return (
        f"the calls do not suffice: {forecast.allowed:,.0f} an hour are allowed, {wanted}. All that is promised comes up to"
        f" {forecast.stretch:.2f} times as late: the end of a full backup is noticed after {4 * forecast.stretch:.0f} min or"
        f" {10 * forecast.stretch:.0f} % of its usual duration instead of 4 min or 10 %. Raise requests_per_second if your quota"
        f" allows, or collectors.{dearest}.at_rest, select fewer plans, or spread their starts"
    )


def _print_region(region: RegionReport) -> None:
    from dbs_exporter.cli.tables import print_rows

    rows: list[tuple[str, ...]] = []
    failed_rows: list[int] = []
    for row, is_failure in _rows(region):
        if is_failure:
            failed_rows.append(len(rows))
        rows.append(row)
    print_rows(
        f"{region.where}: {_plans_text(region)}",
        ("collector", "answer", "calls/h at rest", "calls/h in the backup window", "age at rest"),
        rows,
        failed_rows,
    )
    if region.forecast is not None:
        click.echo(_calls_text(region.forecast))
    for answer in region.answers:
        if answer.problem is not None:
            click.echo(f"{region.where}: {answer.operation}: {answer.verdict}")


def _rows(region: RegionReport) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the row of each collector, and whether it failed; those that are well and cost little share one."""
    forecast = region.forecast
    verdicts: dict[str, list[str]] = {}
    for answer in region.answers:
        for name in answer.collectors:
            of_collector = verdicts.setdefault(name, [])
            if not answer.is_ok:
                of_collector.append("failed" if answer.problem else answer.verdict)
    folded = []
    for name, problems in verdicts.items():
        rest = forecast.at_rest.get(name, 0.0) if forecast else 0.0
        window = forecast.in_window.get(name, 0.0) if forecast else 0.0
        if forecast is not None and not problems and window < FOLD_SHARE * forecast.allowed:
            folded.append((name, rest, window))
            continue
        age = (
            "" if forecast is None or name not in forecast.rest_seconds else _age(forecast.rest_seconds[name])
        )
        numbers = (_calls(rest), _calls(window), age) if forecast is not None else ("", "", "")
        yield (name, ", ".join(dict.fromkeys(problems)) or "ok", *numbers), bool(problems)
    if folded:
        rest, window = sum(row[1] for row in folded), sum(row[2] for row in folded)
        names = ", ".join(row[0] for row in folded)
        yield (names, "ok", _calls(rest), _calls(window), ""), False
    if forecast is not None:
        rest, window = sum(forecast.at_rest.values()), sum(forecast.in_window.values())
        yield ("all", "", _calls(rest), _calls(window), ""), False


def _plans_text(region: RegionReport) -> str:
    if region.plans_found is None:
        return "plans not known"
    return f"{_counted(region.plans_found, 'plan')} found, {len(region.plans):,} selected"


def _calls_text(forecast: Forecast) -> str:
    text = f"calls: {forecast.allowed:,.0f} an hour are allowed (requests_per_second)"
    if forecast.window_minute is not None:
        day, minute = divmod(forecast.window_minute, 1_440)
        text += f"; most full backups start {_WEEKDAYS[day]} from {minute // 60:02}:{minute % 60:02} on"
    return f"{text}; stretch {forecast.stretch:.2f}"


def _calls(calls: float) -> str:
    return f"{calls:,.0f}"


def _age(seconds: float) -> str:
    return format_duration(round(seconds))


def _some(names: Iterable[str]) -> str:
    """Return the first few names."""
    every = list(names)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _utc(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

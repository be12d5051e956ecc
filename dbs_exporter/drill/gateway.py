"""`drill gateway`: whether each gateway reaches the databases of its plans, and which of them no plan backs up.

A gateway is asked once for each database behind it. Asking creates a task in DBS that reads nothing but names.
"""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.config.drill_file import DrillConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.listener import Listener
from dbs_exporter.drill.places import Source
from dbs_exporter.drill.results import Report, Result, shown_call
from dbs_exporter.drill.survey import Survey, chosen, survey
from dbs_exporter.errors import ApiError, CredentialsError, Denied, DrillError
from dbs_exporter.facts.fields import required_text, texts
from dbs_exporter.facts.gateways import Gateway

PAUSE_SECONDS = 5.0
ASK, ANSWER = "CreateGetDBListFromAgentTask", "GetDBListFromAgent"

SYSTEM_DATABASES = {
    "MySQL": frozenset({"information_schema", "mysql", "performance_schema", "sys"}),
    "MariaDB": frozenset({"information_schema", "mysql", "performance_schema", "sys"}),
    "PostgreSQL": frozenset({"postgres", "template0", "template1"}),
    "PPAS": frozenset({"postgres", "edb", "template0", "template1"}),
    "MSSQL": frozenset({"master", "model", "msdb", "tempdb"}),
    "MongoDB": frozenset({"admin", "config", "local"}),
    "Oracle": frozenset(
        {
            "sys",
            "system",
            "outln",
            "dbsnmp",
            "audsys",
            "xdb",
            "wmsys",
            "ctxsys",
            "mdsys",
            "ordsys",
            "gsmadmin_internal",
        }
    ),
}
"""By type of database, in small letters, what a server has of itself and nobody need back up."""

Address = tuple[str, str, str, str]
"""(region, gateway id, host, port)"""


def gateway(
    cloud: Cloud, config: DrillConfig, listener: Listener, report: Report, *, plan_id: str | None = None
) -> None:
    """Fill the report with what gateways found for the plans behind them, or in a dry run would be asked.

    Raises DrillError if no plan is behind a gateway, and ApiError or CredentialsError if the account cannot be read.
    """
    found = survey(cloud, everywhere=False)
    behind = [source for source in chosen(cloud, found, plan_id) if source.plan.gateway_id]
    if not behind:
        raise DrillError("no selected plan is behind a backup gateway, so there is nothing to ask")
    report.results = [
        Result(
            plan_id=source.plan.plan_id,
            plan_name=source.plan.name,
            region=source.region,
            gateway_id=source.plan.gateway_id,
            state="planned" if report.is_dry_run else "not_begun",
        )
        for source in behind
    ]
    by_address: dict[Address, Asked] = {}
    for source, result in zip(behind, report.results, strict=True):
        asked = by_address.setdefault(_address(source), Asked(source, _gateway(found, source)))
        asked.results.append(result)
    for asked in by_address.values():
        call = shown_call(ASK, asked.region, asked.parameters)
        report.calls.append(call)
        listener.on_call(call)
        if not report.is_dry_run:
            _begin(cloud, asked)
    if report.is_dry_run:
        return
    try:
        _await_answers(cloud, config, by_address.values(), listener)
    finally:
        for asked in by_address.values():
            _judge(cloud, asked, found.sources)


class Asked:
    """A question to a gateway for the databases at an address, and what became of it."""

    def __init__(self, source: Source, gateway: tuple[str, Gateway | None]) -> None:
        self.source = source
        self.region, self.gateway = gateway
        self.results: list[Result] = []
        """Of the plans that have this source."""
        self.task_id = ""
        self.begun = 0.0
        """By the monotonic clock."""
        self.names: tuple[str, ...] | None = None
        self.answer_seconds: float | None = None
        self.failure: ApiError | CredentialsError | None = None
        """The last error; no document says how "not yet" is answered, so it need not mean the end."""
        self.is_over = False

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the question."""
        return {
            "BackupGatewayId": self.source.plan.gateway_id,
            "DatabaseType": self.source.plan.database_type,
            "SourceEndpointRegion": self.region,
            "SourceEndpointIP": self.source.host,
            "SourceEndpointPort": self.source.port,
        }

    @property
    def title(self) -> str:
        """Gateway and address as messages name them."""
        known = self.gateway
        named = "not listed" if known is None else f"{known.display_name or known.identifier}, {known.status}"
        return f"gateway {self.source.plan.gateway_id} ({named}): {self.source.host}:{self.source.port}"


def _address(source: Source) -> Address:
    return source.region, source.plan.gateway_id, source.host, source.port


def _gateway(found: Survey, source: Source) -> tuple[str, Gateway | None]:
    """Return the region and the gateway of a plan, None if it is not listed."""
    gateways = {known.gateway_id: (region, known) for region, known in found.gateways}
    return gateways.get(source.plan.gateway_id, (source.region, None))


def _begin(cloud: Cloud, asked: Asked) -> None:
    asked.begun = cloud.clock.monotonic()
    try:
        asked.task_id = required_text(cloud.write(asked.region, ASK, asked.parameters), "TaskId")
    except (ApiError, CredentialsError) as error:
        asked.failure, asked.is_over = error, True


def _await_answers(cloud: Cloud, config: DrillConfig, questions: Iterable[Asked], listener: Listener) -> None:
    """Ask for the answers to all questions, until each has come or its time is over."""
    waiting = [asked for asked in questions if not asked.is_over]
    while waiting:
        for asked in waiting:
            took = cloud.clock.monotonic() - asked.begun
            asked.is_over = took >= config.limits.gateway_timeout
            try:
                answer = cloud.read(
                    asked.region,
                    ANSWER,
                    BackupGatewayId=asked.source.plan.gateway_id,
                    TaskId=asked.task_id,
                    SourceEndpointRegion=asked.region,
                )
                asked.names, asked.failure = texts(answer, ("DbList", "dbName")) or None, None
            except (Denied, CredentialsError) as error:
                asked.failure, asked.is_over = error, True
            except ApiError as error:
                asked.failure = error
            if asked.names is not None:
                asked.answer_seconds, asked.is_over = took, True
                listener.on_line(f"{asked.title}: {len(asked.names)} databases in {took:.0f} s")
        waiting = [asked for asked in waiting if not asked.is_over]
        if waiting and cloud.clock.sleep(PAUSE_SECONDS):
            return


def _judge(cloud: Cloud, asked: Asked, sources: Iterable[Source]) -> None:
    """Give each plan of a source its result."""
    unprotected = None if asked.names is None else _unprotected(asked.names, asked.source, sources)
    for result in asked.results:
        result.finished_at = cloud.now()
        if asked.names is not None:
            result.state, result.databases, result.unprotected = "proven", asked.names, unprotected
            result.answer_seconds = asked.answer_seconds
            if unprotected is None:
                result.notes = (
                    "a plan's list does not say which databases it backs up, so none can be missing",
                )
            elif unprotected:
                result.notes = (f"no plan backs up {', '.join(unprotected)}",)
        elif not asked.is_over:
            result.state, result.message = (
                "interrupted",
                f"{asked.title}: the command ended before it answered",
            )
        elif isinstance(asked.failure, Denied | CredentialsError):
            result.state, result.exit_code = "failed", asked.failure.exit_code
            result.message = f"{asked.title}: {asked.failure}"
        else:
            reason = str(asked.failure) if asked.failure else "no database was found"
            result.state = "failed"
            result.message = f"{asked.title} cannot be reached: {reason}"


def _unprotected(names: Iterable[str], source: Source, sources: Iterable[Source]) -> tuple[str, ...] | None:
    """Return the databases that no plan of the same source backs up; None if a plan does not say which it does."""
    held: set[str] = set()
    for other in sources:
        if _address(other) == _address(source):
            if not other.databases:
                return None
            held |= set(other.databases)
    system = SYSTEM_DATABASES.get(source.plan.database_type, frozenset())
    return tuple(sorted(name for name in names if name not in held and name.lower() not in system))

"""`dbs-exporter call`: calls an operation of the API with the credentials of a configured account.

This module owns how a command line becomes calls, one for each region, and their answers. It checks no parameter itself;
`api.operations.parameters` does, before anything is sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.credentials.types import CredentialSource
from dbs_exporter.api.endpoints import endpoint_url
from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.api.operations.parameters import request_parameters, sizes_text
from dbs_exporter.api.operations.registry import OPERATIONS, operation_named
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import Sessions
from dbs_exporter.cli.call_parameters import given_parameters
from dbs_exporter.cli.call_redact import Redactor
from dbs_exporter.cli.options import Failure
from dbs_exporter.clock import SystemClock
from dbs_exporter.config.load import DEFAULT_REGION, load_config, secrets_of
from dbs_exporter.config.models import AccountConfig
from dbs_exporter.config.problems import suggestion
from dbs_exporter.errors import ApiError, BadAnswer, ConfigError, DbsExporterError, Invalid
from dbs_exporter.facts.networks import read_regions
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.logs import conceal

ALL_REGIONS = "all"
_REGIONS_AT_ONCE = 8
_UNCERTAIN = frozenset({"timeout", "unreachable", "server_error", "bad_answer"})
"""The failures after which nobody knows whether a write was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for; `regions` is empty for the account's first, `timeout` is in seconds."""

    operation: str
    arguments: Sequence[str]
    config_file: str | None
    """None for the default file if it exists, else no configuration."""
    default_config_file: str
    account: str | None = None
    regions: Sequence[str] = ()
    endpoint: str | None = None
    timeout: float | None = None
    all_pages: bool = False
    write: bool = False
    dry_run: bool = False
    wait: bool = False
    redact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What to print, "" for nothing, and why the call failed, None if it did not."""

    text: str
    failure: Failure | None = None


def call(wanted: Wanted) -> Result:
    """Carry out what the command line asks for.

    The text is the answer as JSON, of several regions an object of their answers; those that failed are in the failure.
    Raises click.UsageError for a wrong operation, argument or flag, and ConfigError and CredentialsError.
    """
    definition = _definition(wanted.operation)
    parameters = given_parameters(definition, wanted.arguments)
    secrets = [parameters[name] for name in definition.secret_parameters if name in parameters]
    regions = [region for given in wanted.regions for region in given.split(",") if region]
    _check_flags(wanted, definition, parameters, regions)
    settings = _account(wanted.config_file, wanted.default_config_file, wanted.account)
    if not regions:
        regions = [settings.regions[0] if settings.regions != "all" else DEFAULT_REGION]
    if definition.writes:
        parameters.setdefault("ClientToken", uuid.uuid4().hex)
    _check_parameters(definition, parameters, DEFAULT_REGION if ALL_REGIONS in regions else regions[0])
    conceal((*secrets_of(settings), *secrets))
    return _Caller(wanted, definition, parameters, settings).run(list(dict.fromkeys(regions)))


class _Caller:
    """Makes the calls of a command line, one for each region."""

    def __init__(
        self, wanted: Wanted, definition: Operation, parameters: Mapping[str, str], settings: AccountConfig
    ) -> None:
        self._wanted = wanted
        self._definition = definition
        self._parameters = parameters
        self._settings = settings
        self._clock = SystemClock()
        self._sessions = Sessions(self._clock)
        self._pacer = Pacer(settings.requests_per_second, settings.concurrency, self._clock)
        self._source: CredentialSource = credential_source(
            settings.credentials, account=settings.name, clock=self._clock, on_refresh_failure=lambda _: None
        )
        self._redactor: Redactor | None = None
        if wanted.redact:
            self._redactor = Redactor(self._source.get().access_key_secret)
            # Not the short ones, which are flags and numbers of pages.
            self._redactor.learn(value for value in parameters.values() if len(value) > 5)

    def run(self, regions: list[str]) -> Result:
        """Call each region and put the answers together."""
        try:
            several = len(regions) > 1 or ALL_REGIONS in regions
            if ALL_REGIONS in regions:
                regions = self._all_regions()
            answers: dict[str, Any] = {}
            failures: list[tuple[str, DbsExporterError | click.ClickException]] = []
            with ThreadPoolExecutor(max_workers=_REGIONS_AT_ONCE) as threads:
                # A single region is called in this thread, so that Ctrl-C reaches it.
                run: Callable[..., Any] = threads.map if several else map
                for region, (answer, failure) in zip(regions, run(self._tried, regions), strict=True):
                    if failure is None:
                        answers[region] = answer
                    else:
                        failures.append((region, failure))
        finally:
            self._sessions.close()
        return Result(
            text=self._text(answers, several=several), failure=self._failure(failures, several=several)
        )

    def _all_regions(self) -> list[str]:
        client = self._client(DEFAULT_REGION)
        found = read_regions(client.call("DescribeRegions", {}, within=self._wanted.timeout))
        if not found:
            raise BadAnswer(
                "there is no region at all", operation="DescribeRegions", field="Regions.RegionCode"
            )
        return list(found)

    def _client(self, region: str, request_ids: list[str] | None = None) -> Client:
        settings = self._settings
        endpoint = self._wanted.endpoint or settings.endpoint
        return Client(
            Scope(account=settings.name, region=region),
            endpoint_url(region, network=settings.network, override=endpoint),
            self._source,
            self._pacer,
            self._clock,
            settings.timeout,
            lambda attempt: request_ids.append(attempt.request_id) if request_ids is not None else None,
            allow_writes=self._wanted.write,
            sessions=self._sessions,
        )

    def _tried(self, region: str) -> tuple[Any, DbsExporterError | click.ClickException | None]:
        try:
            return self._answer(region), None
        except (DbsExporterError, click.ClickException) as error:
            return None, error

    def _answer(self, region: str) -> Any:
        """Return the answer of a region: what the API says, the whole list, what was followed, or the call itself as text."""
        definition, parameters, timeout = self._definition, self._parameters, self._wanted.timeout
        request_ids: list[str] = []
        client = self._client(region, request_ids)
        if self._wanted.dry_run:
            return _signed_call(client, definition, parameters, all_pages=self._wanted.all_pages)
        if self._wanted.all_pages and definition.page_sizes and definition.list_path is not None:
            found = client.pages(definition.name, parameters, within=timeout)
            items: Any = found
            for name in reversed(definition.list_path):
                items = {name: items}
            return {"Success": True, "RequestId": request_ids[-1], "TotalElements": len(found), **items}
        if not self._wanted.wait:
            return client.call(definition.name, parameters, within=timeout)
        from dbs_exporter.cli import call_wait  # it prints with rich, which is heavy

        began = self._clock.monotonic()
        answer = client.call(definition.name, parameters, within=timeout) if definition.writes else {}
        left = None if timeout is None else max(timeout - (self._clock.monotonic() - began), 0.0)
        return call_wait.follow(
            client,
            call_wait.followed(definition, parameters, answer),
            self._clock,
            timeout=left,
            show=self._redactor.text if self._redactor else str,
        )

    def _text(self, answers: Mapping[str, Any], *, several: bool) -> str:
        """Return the answers by region as text, or the one answer."""
        if not answers:
            return ""
        if self._wanted.dry_run:
            return "\n".join(answers.values())
        if self._redactor is not None:
            answers = self._redactor.answers(answers)
        shown = answers if several else next(iter(answers.values()))
        return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"

    def _failure(
        self, failures: Sequence[tuple[str, DbsExporterError | click.ClickException]], *, several: bool
    ) -> Failure | None:
        """Return the failures of all regions as one, with the exit code of the first; None if there is none."""
        if not failures:
            return None
        sentences = [
            f"{region}: {self._sentence(error)}" if several else self._sentence(error)
            for region, error in failures
        ]
        return Failure("\n       ".join(sentences), failures[0][1].exit_code)

    def _sentence(self, error: DbsExporterError | click.ClickException) -> str:
        if isinstance(error, click.ClickException):
            return error.message
        text = self._redactor.text(str(error)) if self._redactor else str(error)
        if isinstance(error, Invalid):
            return (
                f"{text}; the API refuses the request as wrong, `dbs-exporter call {self._definition.name} --list` prints"
                " what it takes"
            )
        if isinstance(error, ApiError) and self._definition.writes and error.kind in _UNCERTAIN:
            return (
                f"{text}; whether it was carried out is not known: repeat it with"
                f" ClientToken={self._parameters['ClientToken']}, by which the API carries it out once"
            )
        return text


def _signed_call(
    client: Client, definition: Operation, parameters: Mapping[str, str], *, all_pages: bool
) -> str:
    """Return a call as it would be sent, without its signature and its secrets."""
    if all_pages and definition.page_sizes:
        parameters = {"PageSize": str(max(definition.page_sizes)), **parameters, "PageNum": "0"}
    request = client.signed(definition.name, parameters)
    url = urlsplit(str(request.url))
    lines = [f"{request.method} {url.scheme}://{url.netloc}{url.path}?"]
    for parameter in url.query.split("&"):
        name = parameter.partition("=")[0]
        lines.append(f"  {name}=***" if name in definition.secret_parameters else f"  {parameter}")
    for name, value in sorted((name.lower(), str(value)) for name, value in request.headers.items()):
        if name == "x-acs-security-token":
            value = "***"
        elif name == "authorization":
            value = f"{value.partition('Signature=')[0]}Signature=***"
        lines.append(f"{name}: {value}")
    return "\n".join(lines) + "\n"


def _definition(operation: str) -> Operation:
    try:
        return operation_named(operation)
    except Invalid as error:
        raise click.UsageError(f"{error}; `dbs-exporter call --list` prints them") from None


def _check_flags(
    wanted: Wanted, definition: Operation, parameters: Mapping[str, str], regions: Sequence[str]
) -> None:
    """Raise click.UsageError for flags that do not fit the operation or each other."""
    name = definition.name
    if definition.writes and not (wanted.write or wanted.dry_run):
        raise click.UsageError(
            f"{name} changes something; add --write if you mean it, or look at it with --dry-run"
        )
    if wanted.all_pages and definition.list_path is None:
        raise click.UsageError(f"{name} has no list; leave --all-pages out")
    if wanted.all_pages and "PageNum" in parameters:
        raise click.UsageError(
            "--all-pages reads every page; leave PageNum out, or --all-pages for this page alone"
        )
    if "RegionId" in parameters and regions:
        raise click.UsageError("--region and RegionId say the same; leave RegionId out")
    if definition.writes and (len(regions) > 1 or ALL_REGIONS in regions):
        raise click.UsageError(f"{name} changes something; call it for one region at a time")
    if wanted.dry_run and (wanted.wait or wanted.redact):
        raise click.UsageError("--dry-run sends nothing, so there is nothing for --wait or --redact")
    if wanted.wait:
        if wanted.all_pages or len(regions) > 1 or ALL_REGIONS in regions:
            raise click.UsageError(
                "--wait follows one thing in one region; leave --all-pages and other regions out"
            )
        from dbs_exporter.cli.call_wait import check_can_follow

        check_can_follow(definition, parameters)


def _check_parameters(definition: Operation, parameters: Mapping[str, str], region: str) -> None:
    own_region = {"Region": region} if definition.has_region_parameter else {}
    try:
        request_parameters(definition, {"RegionId": region, **own_region, **parameters})
    except Invalid as error:
        raise click.UsageError(
            f"{error}; `dbs-exporter call {definition.name} --list` prints its parameters"
        ) from None


def describe(operation: str | None) -> str:
    """Return lines of text: all operations with their purpose, or the parameters of the named one.

    Raises click.UsageError if there is no such operation.
    """
    if operation is None:
        width = max(map(len, OPERATIONS))
        return "".join(
            f"{definition.name:{width}}  {'write' if definition.writes else 'read '}  {definition.summary}\n"
            for definition in OPERATIONS.values()
        )
    definition = _definition(operation)
    lines = [f"{definition.name} ({'write' if definition.writes else 'read'}): {definition.summary}"]
    for parameter in definition.parameters:
        notes: list[str] = [parameter.type]
        if parameter.required:
            notes.append("required")
        if parameter.required_when:
            other, values = parameter.required_when
            notes.append(f"required when {other} is {' or '.join(values)}")
        if parameter.note:
            notes.append(parameter.note)
        if parameter.many:
            notes.append("several by commas")
        if parameter.values:
            notes.append(f"one of {', '.join(parameter.values)}")
        if parameter.minimum is not None:
            notes.append(f"{parameter.minimum} or more")
        if parameter.name == "PageSize" and definition.page_sizes:
            notes.append(sizes_text(definition.page_sizes))
        if parameter.name in definition.secret_parameters:
            notes.append(f"secret: {parameter.name}=@FILE or {parameter.name}=-")
        lines.append(f"  {parameter.name}: {', '.join(notes)}")
    if definition.exactly_one_of:
        lines.append(f"  exactly one of {' and '.join(definition.exactly_one_of)} must be given")
    if definition.at_most_one_of:
        lines.append(f"  at most one of {' and '.join(definition.at_most_one_of)} may be given")
    return "\n".join(lines) + "\n"


def _account(config_file: str | None, default_config_file: str, name: str | None) -> AccountConfig:
    path = config_file or default_config_file
    if config_file is None and not Path(path).exists():
        if name is not None:
            raise ConfigError(f"--account={name} needs a configuration; give its file with --config.file")
        return AccountConfig(name="default", regions="all")
    accounts = {account.name: account for account in load_config(path).accounts}
    if name is None:
        return next(iter(accounts.values()))
    if name not in accounts:
        raise ConfigError(f"--account: {path} has no account {name!r}; {suggestion(name, accounts)}")
    return accounts[name]

"""`dbs-exporter call`: calls an operation of the API with the credentials of a configured account.

This module owns how arguments of the command line become a call. It never checks parameters itself;
`api.operations.parameters` does, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.endpoints import endpoint_url
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import OPERATIONS, operation_named
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.clock import SystemClock
from dbs_exporter.config.load import DEFAULT_REGION, load_config, secrets_of
from dbs_exporter.config.models import AccountConfig
from dbs_exporter.config.problems import suggestion
from dbs_exporter.errors import ConfigError, Invalid
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.logs import conceal


def call(
    operation: str,
    arguments: Sequence[str],
    *,
    config_file: str | None,
    default_config_file: str,
    account: str | None = None,
    region: str | None = None,
    endpoint: str | None = None,
    timeout: float | None = None,
    all_pages: bool = False,
    write: bool = False,
) -> Any:
    """Call an operation and return its answer, or with `all_pages` the items of its list.

    `arguments` are the parameters as `Name=value`. If `config_file` is None, the default file is used if it exists, else no
    configuration. `timeout` limits all attempts and pages, in seconds. Raises click.UsageError for a wrong operation or
    argument, and ConfigError, CredentialsError and ApiError.
    """
    parameters = _parameters(arguments)
    try:
        definition = operation_named(operation)
    except Invalid as error:
        raise click.UsageError(f"{error}; `dbs-exporter call --list` prints them") from None
    if definition.writes and not write:
        raise click.UsageError(f"{operation} changes something; add --write if you mean it")
    if all_pages and definition.list_path is None:
        raise click.UsageError(f"{operation} has no list; leave --all-pages out")
    settings = _account(config_file, default_config_file, account)
    region = region or (settings.regions[0] if settings.regions != "all" else DEFAULT_REGION)
    own_region = {"Region": region} if definition.has_region_parameter else {}
    try:
        request_parameters(definition, {"RegionId": region, **own_region, **parameters})
    except Invalid as error:
        raise click.UsageError(
            f"{error}; `dbs-exporter call {operation} --list` prints its parameters"
        ) from None
    clock = SystemClock()
    conceal(secrets_of(settings))
    client = Client(
        Scope(account=settings.name, region=region),
        endpoint_url(region, network=settings.network, override=endpoint or settings.endpoint),
        credential_source(
            settings.credentials, account=settings.name, clock=clock, on_refresh_failure=lambda _: None
        ),
        Pacer(settings.requests_per_second, settings.concurrency, clock),
        clock,
        settings.timeout,
        allow_writes=write,
    )
    try:
        if all_pages:
            return client.pages(operation, parameters, within=timeout)
        return client.call(operation, parameters, within=timeout)
    finally:
        client.close()


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
    try:
        definition = operation_named(operation)
    except Invalid as error:
        raise click.UsageError(str(error)) from None
    lines = [f"{definition.name} ({'write' if definition.writes else 'read'}): {definition.summary}"]
    for parameter in definition.parameters:
        notes: list[str] = [parameter.type]
        if parameter.required:
            notes.append("required")
        if parameter.required_when:
            other, values = parameter.required_when
            notes.append(f"required when {other} is {' or '.join(values)}")
        if parameter.many:
            notes.append("several by commas")
        if parameter.values:
            notes.append(f"one of {', '.join(parameter.values)}")
        lines.append(f"  {parameter.name}: {', '.join(notes)}")
    if definition.exactly_one_of:
        lines.append(f"  exactly one of {' and '.join(definition.exactly_one_of)} must be given")
    return "\n".join(lines) + "\n"


def _parameters(arguments: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name:
            raise click.UsageError(
                f"{argument!r} is not a parameter; write Name=value, such as BackupPlanId=dbs1h6s7x"
            )
        if name in parameters:
            raise click.UsageError(f"{name} is given twice; leave one of them out")
        parameters[name] = value
    return parameters


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

"""`dbs-exporter call`: one operation of the API, with the configured account, from the command line.

It owns how words of a command line become a call. Whether they make a good one is said by `api.operations`,
before anything is sent.
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
    words: Sequence[str],
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
    """The answer of one operation, or with `all_pages` the items of its list.

    `config_file` None means: the default one if it is there, else no configuration. Raises click.UsageError
    for what is wrong with the words, ConfigError, CredentialsError and ApiError.
    """
    parameters = _parameters(words)
    try:
        wanted = operation_named(operation)
    except Invalid as error:
        raise click.UsageError(f"{error}; `dbs-exporter call --list` prints them") from None
    if wanted.writes and not write:
        raise click.UsageError(f"{operation} changes something; add --write if you mean it")
    if all_pages and wanted.list_path is None:
        raise click.UsageError(f"{operation} has no list; leave --all-pages out")
    chosen = _account(config_file, default_config_file, account)
    where = region or (chosen.regions[0] if chosen.regions != "all" else DEFAULT_REGION)
    given = {"RegionId": where, **({"Region": where} if wanted.has_region_parameter else {}), **parameters}
    try:
        request_parameters(wanted, given)
    except Invalid as error:
        raise click.UsageError(
            f"{error}; `dbs-exporter call {operation} --list` prints its parameters"
        ) from None
    clock = SystemClock()
    conceal(secrets_of(chosen))
    client = Client(
        Scope(account=chosen.name, region=where),
        endpoint_url(where, network=chosen.network, override=endpoint or chosen.endpoint),
        credential_source(
            chosen.credentials, account=chosen.name, clock=clock, on_refresh_failure=lambda _: None
        ),
        Pacer(chosen.requests_per_second, chosen.concurrency, clock),
        clock,
        chosen.timeout,
        allow_writes=write,
    )
    try:
        if all_pages:
            return client.pages(operation, parameters, within=timeout)
        return client.call(operation, parameters, within=timeout)
    finally:
        client.close()


def describe(operation: str | None) -> str:
    """The operations with what they are for, or the parameters of one of them, as lines of text."""
    if operation is None:
        width = max(map(len, OPERATIONS))
        return "".join(
            f"{each.name:{width}}  {'write' if each.writes else 'read '}  {each.summary}\n"
            for each in OPERATIONS.values()
        )
    try:
        found = operation_named(operation)
    except Invalid as error:
        raise click.UsageError(str(error)) from None
    lines = [f"{found.name} ({'write' if found.writes else 'read'}): {found.summary}"]
    for parameter in found.parameters:
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
    if found.exactly_one_of:
        lines.append(f"  exactly one of {' and '.join(found.exactly_one_of)} must be given")
    return "\n".join(lines) + "\n"


def _parameters(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.UsageError(
                f"{word!r} is not a parameter; write Name=value, such as BackupPlanId=dbs1h6s7x"
            )
        if name in found:
            raise click.UsageError(f"{name} is given twice; leave one of them out")
        found[name] = value
    return found


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

"""The configuration: loading a file, and the questions that others ask of it.

A file is read whole or not at all, and all its problems are told at once, each with file, line, key and what
would be right. It never opens a connection, and never prints a secret.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from dbs_exporter.api.credentials.secrets import read_secret_file
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.document import Document, KeyPath, parse_document, read_document
from dbs_exporter.config.models import (
    CREDENTIAL_KEYS,
    SECRET_KEYS,
    AccountConfig,
    Config,
    CredentialsConfig,
    PlanSelection,
    config_model,
)
from dbs_exporter.config.problems import add_problems
from dbs_exporter.facts.objectives import matches
from dbs_exporter.facts.plans import Plan
from dbs_exporter.listen import is_loopback

DEFAULT_REGION = "cn-hangzhou"
"""Asked for an account's regions, and whatever has no region of its own."""

# RRSA's add-on sets these in the pod, so that a file can leave the keys out.
_FROM_ENVIRONMENT = {
    "role_arn": "ALIBABA_CLOUD_ROLE_ARN",
    "oidc_provider_arn": "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
    "oidc_token_file": "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
}


def load_config(
    path: str | Path, environ: Mapping[str, str] | None = None, *, table: Table = TABLE
) -> Config:
    """The configuration in a YAML file.

    `environ` is where `${NAME}` is looked up; the process' environment if not given. Secret files are read
    once here, so that a missing one is told at the start; relative paths count from the file's directory.
    Raises ConfigError with every problem.
    """
    variables = os.environ if environ is None else environ
    return _config(read_document(Path(path), variables), Path(path).parent, variables, table)


def parse_config(
    text: str,
    *,
    name: str = "configuration",
    directory: str | Path = ".",
    environ: Mapping[str, str] | None = None,
    table: Table = TABLE,
) -> Config:
    """The configuration in a YAML text, as `load_config` reads it from a file; `name` stands in messages."""
    variables = os.environ if environ is None else environ
    return _config(parse_document(text, name, variables), Path(directory), variables, table)


def _config(document: Document, directory: Path, environ: Mapping[str, str], table: Table) -> Config:
    model = config_model(table)
    if document.values is None:
        document.values = {}
    if isinstance(document.values, dict):
        _check_accounts(document, document.values, directory, environ)
    try:
        config = model.model_validate(document.values)
    except ValidationError as error:
        add_problems(document, error, model)
        document.raise_problems()
        raise
    document.raise_problems()
    return config


def _check_accounts(
    document: Document, values: dict[str, object], directory: Path, environ: Mapping[str, str]
) -> None:
    """What no model of a single account sees: names given twice, and which keys go with which type of
    credentials.
    """
    accounts = values.get("accounts")
    first: dict[object, int] = {}
    for index, account in enumerate(accounts if isinstance(accounts, tuple) else ()):
        if not isinstance(account, dict):
            continue
        path: KeyPath = ("accounts", index)
        name = account.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            line = document.line(("accounts", first[name], "name"))
            document.problem(
                (*path, "name"), f"{name!r} is taken by the account in line {line}; names must be unique"
            )
        credentials = account.get("credentials")
        if isinstance(credentials, dict):
            _check_credentials(document, (*path, "credentials"), credentials, directory, environ)


def _check_credentials(
    document: Document, path: KeyPath, given: dict[str, object], directory: Path, environ: Mapping[str, str]
) -> None:
    """Check the keys that a type needs, and read the files of its secrets. Changes `given`: paths become
    absolute.
    """
    kind = given.get("type", "default")
    if not isinstance(kind, str) or kind not in CREDENTIAL_KEYS:
        return  # The model says so.
    required, optional = CREDENTIAL_KEYS[kind]
    allowed = {*required, *optional}
    for key in [key for key in given if key in CredentialsConfig.model_fields and key != "type"]:
        if key.removesuffix("_file") not in allowed and key not in allowed:
            wanted = f"it takes {', '.join((*required, *optional))}" if allowed else "it takes no other key"
            document.problem((*path, key), f"has no meaning for type {kind}; {wanted}")
    for key in required:
        if key in SECRET_KEYS:
            if key not in given and f"{key}_file" not in given:
                document.problem(
                    path, f"type {kind} needs {key}; give {key}: ${{{key.upper()}}} or {key}_file: PATH"
                )
        elif key not in given:
            variable = _FROM_ENVIRONMENT.get(key, "") if kind == "oidc_role_arn" else ""
            if not environ.get(variable):
                besides = f", or set {variable}" if variable else ""
                document.problem(path, f"type {kind} needs {key}; add {key}: …{besides}")
    for key in SECRET_KEYS:
        file = given.get(f"{key}_file")
        if not isinstance(file, str) or not file:
            continue
        if key in given:
            document.problem((*path, f"{key}_file"), f"{key} is given as well; remove one of them")
            continue
        given[f"{key}_file"] = str(directory / file)
        try:
            given[key] = read_secret_file(directory / file)
        except ValueError as error:
            document.problem((*path, f"{key}_file"), str(error))


def selects(account: AccountConfig, plan: Plan) -> bool:
    """True if the account's `plans` takes the plan: all, by id, or by pattern on id and name."""
    wanted = account.plans
    if isinstance(wanted, PlanSelection):
        return matches(wanted.include, plan) and not matches(wanted.exclude, plan)
    return wanted == "all" or plan.plan_id in wanted


def secrets_of(account: AccountConfig) -> tuple[str, ...]:
    """The secrets that an account's configuration holds, so that they can be kept out of the logs."""
    secrets = (account.credentials.access_key_secret, account.credentials.security_token)
    return tuple(secret.get_secret_value() for secret in secrets if secret is not None)


def warnings_of(config: Config) -> tuple[str, ...]:
    """What is allowed but hardly meant, one sentence each: keys and tokens over plain http to another
    machine, and nothing that could be told of a plan.
    """
    said = []
    if not config.collectors.of("plans").enabled:
        said.append(
            "collectors.plans: it is off, so no plan is known, none is read, and no alert about a backup can fire;"
            " leave it on"
        )
    for index, account in enumerate(config.accounts):
        parts = urlsplit(account.endpoint or "")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            said.append(
                f"accounts[{index}].endpoint: plain http to {parts.hostname}: anyone on the way can read what"
                " backups there are; use https"
            )
    return tuple(said)

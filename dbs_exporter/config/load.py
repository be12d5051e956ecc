"""Loads and checks a configuration, and answers questions about it.

This module owns what is checked across keys and files. A file is loaded completely or not at all, and all its problems are
reported at once, each with file, line, key and what would be right. It never opens a connection and never shows a secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
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
from dbs_exporter.config.problems import add_problems, suggestion
from dbs_exporter.facts.objectives import matches
from dbs_exporter.facts.plans import Plan
from dbs_exporter.listen import is_loopback
from dbs_exporter.metrics.needs import ALERTS, BOARDS

DEFAULT_REGION = "cn-hangzhou"
"""The region for calls that belong to no region, such as the list of an account's regions."""

_NAMED = 5
"""So many alerts or boards are named in a warning."""

# RRSA's add-on sets these in the pod, so that a configuration need not have the keys.
_FROM_ENVIRONMENT = {
    "role_arn": "ALIBABA_CLOUD_ROLE_ARN",
    "oidc_provider_arn": "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
    "oidc_token_file": "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
}


def load_config(
    path: str | Path, environ: Mapping[str, str] | None = None, *, table: Table = TABLE
) -> Config:
    """Return the configuration in a YAML file. Raises ConfigError with every problem.

    `${NAME}` is looked up in `environ`, by default the environment of the process. Secret files are read once here, so that
    a missing one is reported at the start; relative paths count from the directory of the configuration file.
    """
    variables = os.environ if environ is None else environ
    return _validated(read_document(Path(path), variables), Path(path).parent, variables, table)


def parse_config(
    text: str,
    *,
    name: str = "configuration",
    directory: str | Path = ".",
    environ: Mapping[str, str] | None = None,
    table: Table = TABLE,
) -> Config:
    """Return the configuration in a YAML text, as `load_config` does; messages call it `name`."""
    variables = os.environ if environ is None else environ
    return _validated(parse_document(text, name, variables), Path(directory), variables, table)


def _validated(document: Document, directory: Path, environ: Mapping[str, str], table: Table) -> Config:
    model = config_model(table)
    if document.values is None:
        document.values = {}
    if isinstance(document.values, dict):
        _check_accounts(document, document.values, directory, environ)
        _check_exclusions(document, document.values, table)
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
    """Check what the models cannot: duplicate names, and the keys of each type of credentials."""
    accounts = values.get("accounts")
    first: dict[object, int] = {}
    for index, account in enumerate(accounts if isinstance(accounts, tuple) else ()):
        if not isinstance(account, dict):
            continue
        path: KeyPath = ("accounts", index)
        name = account.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            line = document.line(("accounts", first[name], "name"))
            document.add_problem(
                (*path, "name"), f"{name!r} is taken by the account in line {line}; names must be unique"
            )
        credentials = account.get("credentials")
        if isinstance(credentials, dict):
            check_credentials(document, (*path, "credentials"), credentials, directory, environ)


def check_credentials(
    document: Document,
    path: KeyPath,
    credentials: dict[str, object],
    directory: Path,
    environ: Mapping[str, str],
) -> None:
    """Check the keys that a type of credentials needs, and read the files of its secrets.

    Changes `credentials`: secrets are added, and the paths of their files become absolute.
    """
    kind = credentials.get("type", "default")
    if not isinstance(kind, str) or kind not in CREDENTIAL_KEYS:
        return  # The model reports it.
    required, optional = CREDENTIAL_KEYS[kind]
    allowed = {*required, *optional}
    for key in [key for key in credentials if key in CredentialsConfig.model_fields and key != "type"]:
        if key.removesuffix("_file") not in allowed and key not in allowed:
            hint = f"it takes {', '.join((*required, *optional))}" if allowed else "it takes no other key"
            document.add_problem((*path, key), f"has no meaning for type {kind}; {hint}")
    for key in required:
        if key in SECRET_KEYS:
            if key not in credentials and f"{key}_file" not in credentials:
                document.add_problem(
                    path, f"type {kind} needs {key}; give {key}: ${{{key.upper()}}} or {key}_file: PATH"
                )
        elif key not in credentials:
            variable = _FROM_ENVIRONMENT.get(key, "") if kind == "oidc_role_arn" else ""
            if not environ.get(variable):
                alternative = f", or set {variable}" if variable else ""
                document.add_problem(path, f"type {kind} needs {key}; add {key}: …{alternative}")
    for key in SECRET_KEYS:
        file = credentials.get(f"{key}_file")
        if not isinstance(file, str) or not file:
            continue
        if key in credentials:
            document.add_problem((*path, f"{key}_file"), f"{key} is given as well; remove one of them")
            continue
        credentials[f"{key}_file"] = str(directory / file)
        try:
            credentials[key] = read_secret_file(directory / file)
        except ValueError as error:
            document.add_problem((*path, f"{key}_file"), str(error))


def _check_exclusions(document: Document, values: dict[str, object], table: Table) -> None:
    metrics = values.get("metrics")
    patterns = metrics.get("exclude") if isinstance(metrics, dict) else None
    names = [family.name for family in table.families]
    for index, pattern in enumerate(patterns if isinstance(patterns, tuple) else ()):
        if isinstance(pattern, str) and pattern and not any(fnmatchcase(name, pattern) for name in names):
            document.add_problem(
                ("metrics", "exclude", index), f"{pattern!r} matches no metric; {suggestion(pattern, names)}"
            )


def selects(account: AccountConfig, plan: Plan) -> bool:
    """Return whether the account's `plans` selects a plan: all, by id, or by pattern on id and name."""
    selection = account.plans
    if isinstance(selection, PlanSelection):
        return matches(selection.include, plan) and not matches(selection.exclude, plan)
    return selection == "all" or plan.plan_id in selection


def secrets_of(account: AccountConfig) -> tuple[str, ...]:
    """Return the secrets in an account's configuration, which must be kept out of the logs."""
    secrets = (account.credentials.access_key_secret, account.credentials.security_token)
    return tuple(secret.get_secret_value() for secret in secrets if secret is not None)


def warnings_of(config: Config) -> tuple[str, ...]:
    """Return a sentence for each setting that is allowed but probably a mistake.

    These are an endpoint with plain http to another machine, the collector of plans being off, a mute without an end, and an
    exclusion of metrics on which alerts or boards rest.
    """
    warnings = []
    if not config.collectors.of("plans").enabled:
        warnings.append(
            "collectors.plans: it is off, so no plan is known, none is read, and no alert about a backup can fire;"
            " leave it on"
        )
    for index, account in enumerate(config.accounts):
        parts = urlsplit(account.endpoint or "")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            warnings.append(
                f"accounts[{index}].endpoint: plain http to {parts.hostname}: anyone on the way can read what"
                " backups there are; use https"
            )
    for index, entry in enumerate(config.objectives):
        if not entry.alerts and entry.alerts_until is None:
            warnings.append(
                f"objectives[{index}].alerts: off without an end: nobody is ever paged about these plans; add alerts_until, or"
                " mute them for a while by maintenance"
            )
    warnings += _silenced(config)
    return tuple(warnings)


def _silenced(config: Config) -> Iterator[str]:
    for index, pattern in enumerate(config.metrics.exclude):
        for kind, users, loss in (
            ("alerts", ALERTS, "cannot fire or judge wrongly"),
            ("boards", BOARDS, "show less"),
        ):
            lost = sorted({user for name in users if fnmatchcase(name, pattern) for user in users[name]})
            if lost:
                more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
                yield (
                    f"metrics.exclude[{index}]: {pattern} takes away what {kind} rest on, which then {loss}:"
                    f" {', '.join(lost[:_NAMED])}{more}"
                )

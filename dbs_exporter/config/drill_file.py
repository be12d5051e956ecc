"""The file of `drill --config.file`: which plans are proven, to which point, where they are restored to, and the limits.

This module owns the keys and what each type of database and instance needs by the vendor's reference. Whether a destination is
some plan's source is asked of the API, by the drill itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from dbs_exporter.api.credentials.secrets import read_secret_file
from dbs_exporter.config.document import Document, KeyPath, read_document
from dbs_exporter.config.durations import parse_duration
from dbs_exporter.config.load import check_credentials
from dbs_exporter.config.models import AccountConfig
from dbs_exporter.config.problems import add_problems
from dbs_exporter.config.values import Patterns, Region, Text, duration

InstanceType = Literal["rds", "ecs", "express", "agent", "dds", "other"]
DatabaseType = Literal["MySQL", "MariaDB", "PostgreSQL", "PPAS", "MSSQL", "MongoDB", "Redis", "Oracle"]

WITH_REGION = frozenset({"rds", "ecs", "dds", "express", "agent"})
WITH_INSTANCE = frozenset({"rds", "ecs", "dds", "express"})
WITH_HOST = frozenset({"express", "agent", "other"})
WITH_PORT = frozenset({"express", "agent", "other", "ecs"})
WITH_DATABASE = frozenset({"PostgreSQL", "PPAS", "MongoDB"})
"""Types of databases that are restored through a database that exists already."""
LEAST_PASSWORD = 4
"""Characters; a shorter text could not be kept out of messages, because it may be part of any word."""
_UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"(\d{1,15})(KiB|MiB|GiB|TiB)?")
_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def _size(value: object) -> object:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a size; write one such as 500GiB")
    return int(match[1]) * _UNITS[match[2] or ""]


def _password(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < LEAST_PASSWORD:
        raise ValueError(
            f"shorter than {LEAST_PASSWORD} characters, so that it could not be kept out of messages; give the account a"
            " longer one"
        )
    return value


def _destination_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", text):
        raise ValueError(
            f"{text!r} cannot be part of a task's name; write small letters, digits and dashes, at most 30, such as drill-mysql"
        )
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,18}_", text):
        raise ValueError(
            f"{text!r} cannot mark a restored database; write a letter, then letters, digits or _, with _ at its end,"
            " such as drill_"
        )
    return text


def _point(text: str) -> str:
    if text in ("latest", "full") or re.fullmatch(r"set:[\w-]{1,64}", text):
        return text
    try:
        parse_duration(text)
    except ValueError:
        raise ValueError(
            f"{text[:40]!r} is no point; write latest, full (the newest full backup), an age such as 6h, or set:ID"
        ) from None
    return text


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date; write one such as 2026-11-28")
    return text


Wait = Annotated[float, duration(1, 7 * 86_400)]
Size = Annotated[int, BeforeValidator(_size)]


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


class DestinationConfig(_Model):
    """Where data may be restored to. It must be the source of no plan."""

    name: Annotated[str, AfterValidator(_destination_name)] = Field(
        description="Its name, a part of the names of tasks.", examples=["drill-mysql"]
    )
    database_type: DatabaseType = Field(description="Plans of this type are restored to it.")
    plans: Patterns = Field(default=("*",), description="Patterns on the ids and names of plans it is for.")
    instance_type: InstanceType = Field(description="Where the database is, as DBS calls it.")
    region: Region | None = Field(
        default=None, description="Region of the instance, or of the gateway.", examples=["cn-hangzhou"]
    )
    instance_id: Text | None = Field(default=None, description="The instance.", examples=["rm-bp1drill"])
    host: Text | None = Field(
        default=None, description="Name or address of the database.", examples=["10.1.2.3"]
    )
    port: int | None = Field(default=None, ge=1, le=65_535, description="Its port.", examples=[3306])
    addresses: tuple[Text, ...] = Field(
        default=(),
        description="All other names and addresses by which it can be reached; compared with the plans' sources.",
        examples=[["10.1.2.3", "rm-bp1drill.mysql.rds.aliyuncs.com"]],
    )
    gateway_id: int | None = Field(
        default=None, ge=1, description="Backup gateway through which it is reached.", examples=[160813]
    )
    user: Text | None = Field(
        default=None, description="Account of the database that restores.", examples=["restorer"]
    )
    password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        default=None, description="Its password; write `${NAME}`.", examples=["${DRILL_PASSWORD}"]
    )
    password_file: Text | None = Field(default=None, description="File that holds the password.")
    database: Text | None = Field(
        default=None,
        description="Database to connect to; PostgreSQL and MongoDB need one.",
        examples=["postgres"],
    )
    databases: tuple[Text, ...] = Field(
        default=(),
        description="Databases to restore; all that the plan backs up if not given.",
        examples=[["orders"]],
    )
    oracle_sid: Text | None = Field(default=None, description="SID of an Oracle instance.", examples=["ORCL"])
    restore_dir: Text | None = Field(
        default=None,
        description="Directory behind the gateway; each drill gets one of its own in it.",
        examples=["/data/drill"],
    )
    restore_home: Text | None = Field(default=None, description="Directory of the database's programs.")
    dedicated: bool = Field(
        default=False,
        description="`true`: it serves drills alone, and may be restored to under the original names.",
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="drill_", description="Begins the name of each restored database."
    )
    keep: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Restores that may stay; 2, or 0 where databases keep their original names.",
    )
    dropped_before: Annotated[str, AfterValidator(_date)] | None = Field(
        default=None,
        description="What was restored before this date (UTC) was dropped by hand.",
        examples=["2026-11-28"],
    )
    cleanup: tuple[Text, ...] = Field(
        default=(),
        description="Command that drops what is more than `keep`; its environment names it.",
        examples=[["/etc/dbs-exporter/drop.sh"]],
    )


class LimitsConfig(_Model):
    """What a run may do at most."""

    plans: int = Field(default=3, ge=1, le=100, description="Plans in a run; more are refused, not left out.")
    bytes: Size = Field(
        default=500 * 2**30, description="Bytes of all backup sets of a run.", examples=["500GiB"]
    )
    precheck_timeout: Wait = Field(default=900.0, description="For the pre-check.", examples=["15m"])
    stage_timeout: Wait = Field(
        default=3600.0, description="How long a restore or download may stand still.", examples=["1h"]
    )
    timeout: Wait = Field(default=43_200.0, description="For each restore or download.", examples=["12h"])
    gateway_timeout: Wait = Field(default=120.0, description="For the answer of a gateway.", examples=["2m"])
    command_timeout: Wait = Field(
        default=3600.0, description="For a command of `--exec` or `cleanup`.", examples=["1h"]
    )


class DownloadConfig(_Model):
    """What `drill download` downloads, and where automatic downloads should go."""

    format: Literal["Native", "SQL", "CSV", "JSON"] = Field(default="Native", description="Data format.")
    log: bool = Field(default=True, description="The newest closed log file too, where there is log backup.")
    gateway_id: int | None = Field(
        default=None,
        ge=1,
        description="Gateway to which automatic downloads should go.",
        examples=[160813],
    )
    directory: Text | None = Field(
        default=None, description="Directory where they should land.", examples=["/var/dbs/download"]
    )


class DrillConfig(_Model):
    """The configuration of `dbs-exporter drill`."""

    account: AccountConfig = Field(
        description="The account, with credentials for drills; its `plans` and `regions` choose what is proven.",
        examples=[{"name": "prod", "regions": "all"}],
    )
    oldest: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Of these plans only so many, those whose last proof is oldest.",
        examples=[3],
    )
    point: Annotated[str, AfterValidator(_point)] = Field(
        default="latest",
        description="What is restored: `latest`, `full` (the newest full backup), an age such as `6h`, or `set:ID`.",
    )
    destinations: tuple[DestinationConfig, ...] = Field(
        default=(), description="Where data may be restored to; the first that fits a plan is taken."
    )
    limits: LimitsConfig = Field(default=LimitsConfig(), description="What a run may do at most.")
    download: DownloadConfig = Field(default=DownloadConfig(), description="For `drill download`.")


SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("", DrillConfig),
    ("destinations[]", DestinationConfig),
    ("limits", LimitsConfig),
    ("download", DownloadConfig),
)
"""The sections of the file, for its reference."""


def load_drill_file(path: str | Path, environ: Mapping[str, str] | None = None) -> DrillConfig:
    """Return the configuration of drills in a YAML file. Raises ConfigError with every problem.

    `${NAME}` is looked up in `environ`, by default the environment of the process. Files of secrets are read here; relative paths
    count from the directory of the file.
    """
    variables = os.environ if environ is None else environ
    document = read_document(Path(path), variables)
    values: Any = {} if document.values is None else document.values
    if isinstance(values, dict):
        _read_secrets(document, values, Path(path).parent, variables)
    try:
        config = DrillConfig.model_validate(values)
    except ValidationError as error:
        add_problems(document, error, DrillConfig)
        document.raise_problems()
        raise
    first: dict[str, int] = {}
    for index, destination in enumerate(config.destinations):
        where: KeyPath = ("destinations", index)
        for key, problem in _lacking(destination):
            document.add_problem((*where, key) if key else where, problem)
        line = document.line(("destinations", first.setdefault(destination.name, index), "name"))
        if first[destination.name] != index:
            document.add_problem(
                (*where, "name"), f"{destination.name!r} is taken in line {line}; names must be unique"
            )
    document.raise_problems()
    return config


def _read_secrets(
    document: Document, values: dict[str, Any], directory: Path, environ: Mapping[str, str]
) -> None:
    account = values.get("account")
    credentials = account.get("credentials") if isinstance(account, dict) else None
    if isinstance(credentials, dict):
        check_credentials(document, ("account", "credentials"), credentials, directory, environ)
    destinations = values.get("destinations")
    for index, destination in enumerate(destinations if isinstance(destinations, tuple) else ()):
        file = destination.get("password_file") if isinstance(destination, dict) else None
        if not isinstance(file, str) or not file:
            continue
        where: KeyPath = ("destinations", index, "password_file")
        if "password" in destination:
            document.add_problem(where, "password is given as well; remove one of them")
            continue
        try:
            destination["password"] = read_secret_file(directory / file)
        except ValueError as error:
            document.add_problem(where, str(error))


def _lacking(destination: DestinationConfig) -> Iterator[tuple[str, str]]:
    """Yield (key, problem) of what the vendor's reference asks for and is not given, or is given and means nothing."""
    place, kind = destination.instance_type, destination.database_type
    for key, places, example in (
        ("region", WITH_REGION, "cn-hangzhou"),
        ("instance_id", WITH_INSTANCE, "rm-bp1drill"),
        ("host", WITH_HOST, "10.1.2.3"),
        ("port", WITH_PORT, "3306"),
        ("gateway_id", {"agent"}, "160813"),
    ):
        if place in places and getattr(destination, key) is None:
            yield "", f"instance_type {place} needs {key}; add {key}: {example}"
        elif place not in places and getattr(destination, key) is not None and key != "region":
            yield key, f"has no meaning for instance_type {place}; take it out"
    if kind in WITH_DATABASE and destination.database is None:
        yield (
            "",
            f"{kind} is restored through a database that exists; add database: {'admin' if kind == 'MongoDB' else 'postgres'}",
        )
    if kind == "Oracle" and destination.oracle_sid is None:
        yield "", "Oracle needs the instance's SID; add oracle_sid: ORCL"
    if place == "agent" and kind == "MySQL" and destination.restore_dir is None:
        yield "", "MySQL behind a gateway is restored into a directory; add restore_dir: /data/drill"
    if kind != "Redis" and not (place == "agent" and kind == "MSSQL"):
        if destination.user is None:
            yield "", f"{kind} needs an account; add user: restorer"
        if destination.password is None:
            yield "", f"{kind} needs a password; add password: ${{DRILL_PASSWORD}} or password_file: PATH"
    if place == "dds" and kind != "MongoDB":
        yield "instance_type", f"dds is MongoDB of the cloud, not {kind}; rds, ecs or another would be right"

"""The models of the configuration: every key with its default, its bounds and its meaning.

docs/configuration.md and the JSON Schema are generated from these, docstrings included. Models are frozen and strict: a text
never becomes a number by itself. This module reads no file; `load` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    create_model,
    field_validator,
)

from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.objective_models import ObjectiveConfig
from dbs_exporter.config.sections import LogConfig, MetricsConfig, Model, StorageConfig, WebConfig
from dbs_exporter.config.values import (
    Endpoint,
    Interval,
    Name,
    Patterns,
    PlanId,
    Regions,
    Secret,
    SessionTime,
    Text,
    Timeout,
    Uri,
)

CredentialsType = Literal[
    "default",
    "access_key",
    "sts",
    "profile",
    "ecs_ram_role",
    "ram_role_arn",
    "oidc_role_arn",
    "credentials_uri",
]
SECRET_KEYS = ("access_key_id", "access_key_secret", "security_token")
"""The keys of credentials that may come from a file, as `<key>_file`; their values are never printed."""

LEAST_RATE = 0.1
"""Calls per second; with fewer, even the list of plans of a small account would be late."""

CREDENTIAL_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # type: (required, allowed besides)
    "default": ((), ()),
    "access_key": (("access_key_id", "access_key_secret"), ()),
    "sts": (("access_key_id", "access_key_secret", "security_token"), ()),
    "profile": ((), ("profile_name", "profile_file")),
    "ecs_ram_role": ((), ("role_name",)),
    "ram_role_arn": (
        ("access_key_id", "access_key_secret", "role_arn"),
        (
            "security_token",
            "role_session_name",
            "role_session_expiration",
            "external_id",
            "policy",
            "sts_endpoint",
        ),
    ),
    "oidc_role_arn": (
        ("role_arn", "oidc_provider_arn", "oidc_token_file"),
        ("role_session_name", "role_session_expiration", "policy", "sts_endpoint"),
    ),
    "credentials_uri": (("credentials_uri",), ()),
}


class CredentialsConfig(Model):
    """Where an account's credentials come from. Each type has its own keys; others are refused."""

    type: CredentialsType = Field(
        default="default",
        description="`default` is the vendor's chain: environment, RRSA, `~/.aliyun/config.json`,"
        " ECS role, URI.",
    )
    access_key_id: Text | None = Field(
        default=None, description="Access key ID.", examples=["${ACCESS_KEY_ID}"]
    )
    access_key_id_file: Text | None = Field(
        default=None, description="File that holds the access key ID, read again when it changes."
    )
    access_key_secret: Secret | None = Field(
        default=None, description="Access key secret.", examples=["${ACCESS_KEY_SECRET}"]
    )
    access_key_secret_file: Text | None = Field(
        default=None,
        description="File that holds the access key secret, read again when it changes.",
        examples=["/run/secrets/dbs-exporter/access_key_secret"],
    )
    security_token: Secret | None = Field(
        default=None, description="Security token that belongs to a temporary key."
    )
    security_token_file: Text | None = Field(
        default=None, description="File that holds the security token, read again when it changes."
    )
    profile_name: Name | None = Field(
        default=None,
        description="Profile of the Alibaba Cloud CLI's configuration; its current one if not given.",
    )
    profile_file: Text | None = Field(
        default=None, description="File that holds the profile; the vendor's usual places if not given."
    )
    role_name: Name | None = Field(
        default=None, description="RAM role of the ECS instance; asked of the instance if not given."
    )
    role_arn: Text | None = Field(
        default=None, description="Role to assume.", examples=["acs:ram::1234567890123456:role/dbs-exporter"]
    )
    role_session_name: Name | None = Field(
        default=None,
        description="Name of the session in the audit log; `ALIBABA_CLOUD_ROLE_SESSION_NAME`"
        " or dbs-exporter if not given.",
    )
    role_session_expiration: SessionTime | None = Field(
        default=None, description="How long an assumed role lives; an hour if not given.", examples=["1h"]
    )
    sts_endpoint: Text | None = Field(
        default=None,
        description="Host of STS; sts.aliyuncs.com if not given.",
        examples=["sts-vpc.cn-hangzhou.aliyuncs.com"],
    )
    external_id: Text | None = Field(
        default=None, description="External ID that the role's trust policy asks for."
    )
    policy: Text | None = Field(default=None, description="A policy in JSON that narrows the assumed role.")
    oidc_provider_arn: Text | None = Field(
        default=None, description="Identity provider; `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` if not given."
    )
    oidc_token_file: Text | None = Field(
        default=None, description="File with the OIDC token; `ALIBABA_CLOUD_OIDC_TOKEN_FILE` if not given."
    )
    credentials_uri: Uri | None = Field(
        default=None,
        description="URL that answers with temporary credentials.",
        examples=["http://127.0.0.1:9000/"],
    )


class PlanSelection(Model):
    """Plans by pattern. `*`, `?` and `[…]` match within a plan's id or name; case counts."""

    include: Patterns = Field(default=("*",), description="Plans to take.", examples=[["orders-*"]])
    exclude: tuple[PlanId, ...] = Field(
        default=(), description="Plans to leave out of those.", examples=[["*-test"]]
    )


def _plans_kind(value: object) -> str:
    if isinstance(value, str):
        return "<all>"
    return "<ids>" if isinstance(value, tuple) else "<patterns>"


def _regions_kind(value: object) -> str:
    return "<all>" if isinstance(value, str) else "<ids>"


class AccountConfig(Model):
    """One Alibaba Cloud account and what to watch in it."""

    name: Name = Field(description="The label `account`; unique.", examples=["prod"])
    credentials: CredentialsConfig = Field(default=CredentialsConfig(), description="How to sign in.")
    regions: Annotated[
        Annotated[Literal["all"], Tag("<all>")] | Annotated[Regions, Tag("<ids>")],
        Discriminator(_regions_kind),
    ] = Field(
        description="Regions to watch, or `all` for those that DescribeRegions lists.",
        examples=[["cn-hangzhou"], "all"],
    )
    plans: Annotated[
        Annotated[Literal["all"], Tag("<all>")]
        | Annotated[Patterns, Tag("<ids>")]
        | Annotated[PlanSelection, Tag("<patterns>")],
        Discriminator(_plans_kind),
    ] = Field(
        default="all",
        description="Plans to watch: `all`, a list of plan ids, or patterns on id and name.",
        examples=["all", ["dbs1h6s7xxxxxxxx"], {"include": ["orders-*"]}],
    )
    network: Literal["public", "vpc"] = Field(
        default="public", description="Which endpoints of the API to call."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="Overrides the endpoint of every region.",
        examples=["http://127.0.0.1:8765"],
    )
    requests_per_second: float = Field(
        default=5.0,
        ge=LEAST_RATE,
        le=1000,
        description=(
            "Per region, for all shards together; never exceeded in any second."
            " All that the cloud account allows, whoever calls."
        ),
    )
    concurrency: int = Field(default=4, ge=1, le=64, description="Calls at the same time, per region.")
    timeout: Timeout = Field(
        default=10.0, description="For one attempt at a call, to the last byte of its answer."
    )


class CollectorConfig(Model):
    """Whether a collector is on, and how often it reads."""

    enabled: bool = Field(default=True, description="Whether it is on.")
    interval: Interval = Field(description="Between two readings.")


class PlanCollectorConfig(CollectorConfig):
    """Whether a collector of plans is on, and how old what it read of a plan may be."""

    interval: Interval = Field(description="How old facts of a plan may be while something happens to it.")
    at_rest: Interval = Field(
        description="How old they may be while nothing happens; never less than `interval`."
        " A small fleet is read more often, as the call budget allows."
    )


class CollectorsConfig(Model):
    """What is read, and how often. A key that is left out keeps the collector's own default."""

    def of(self, name: str) -> CollectorConfig:
        """Return the configuration of the collector of that name."""
        settings: CollectorConfig = getattr(self, name)
        return settings

    @field_validator("*", mode="before")
    @classmethod
    def _own_default(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, dict) or info.field_name is None:
            return value
        default: CollectorConfig = cls.model_fields[info.field_name].default
        ages = {
            name: format_duration(getattr(default, name))
            for name in ("interval", "at_rest")
            if hasattr(default, name)
        }
        return {**ages, "enabled": default.enabled, **value}


class Config(Model):
    """The configuration of dbs-exporter."""

    accounts: tuple[AccountConfig, ...] = Field(
        min_length=1,
        description="Accounts to watch.",
        examples=[[{"name": "prod", "regions": ["cn-hangzhou"]}]],
    )
    collectors: CollectorsConfig = Field(
        default=CollectorsConfig(), description="What is read, and how often."
    )
    objectives: tuple[ObjectiveConfig, ...] = Field(
        default=(),
        description="What plans are held to; exported as metrics, so that alerts need no thresholds.",
    )
    metrics: MetricsConfig = Field(default=MetricsConfig(), description="Which metrics it exports.")
    web: WebConfig = Field(default=WebConfig(), description="Where it serves.")
    storage: StorageConfig = Field(
        default=StorageConfig(), description="Where what is known is kept over a restart."
    )
    log: LogConfig = Field(default=LogConfig(), description="How it logs.")


@lru_cache(maxsize=16)
def config_model(table: Table = TABLE) -> type[Config]:
    """Return the model of the configuration for a table of collectors, each a key below `collectors`."""
    fields: dict[str, Any] = {}
    for collector in table:
        kind: type[CollectorConfig] = CollectorConfig
        defaults: dict[str, Any] = {"enabled": collector.enabled, "interval": collector.interval_seconds}
        if isinstance(collector, PlanCollector):
            kind = PlanCollectorConfig
            defaults["at_rest"] = collector.at_rest_seconds
        default = kind.model_construct(**defaults)
        fields[collector.name] = (kind, Field(default=default, description=collector.summary))
    collectors: Any = create_model(
        "CollectorsConfig", __base__=CollectorsConfig, __doc__=CollectorsConfig.__doc__, **fields
    )
    created: Any = create_model(
        "Config",
        __base__=Config,
        __doc__=Config.__doc__,
        collectors=(
            collectors,
            Field(default=collectors(), description=Config.model_fields["collectors"].description),
        ),
    )
    model: type[Config] = created
    return model

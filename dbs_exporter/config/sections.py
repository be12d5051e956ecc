"""The models of the sections of the configuration that concern the process: what it exports, serves, keeps and logs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dbs_exporter.config.values import (
    ExternalUrl,
    ListenAddresses,
    PlanId,
    RoutePrefix,
    TelemetryPath,
    Text,
    Zone,
)
from dbs_exporter.listen import path_prefix


class Model(BaseModel):
    """What all sections are: strict, frozen, without unknown keys."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


class MetricsConfig(Model):
    """Which metrics are exported. Changes need a restart."""

    exclude: tuple[PlanId, ...] = Field(
        default=(),
        description="Patterns of metrics that are not wanted; `*`, `?` and `[…]` match. `check` says which alerts and boards"
        " that silences. Metrics of the exporter itself stay.",
        examples=[["dbs_plan_billing_*"]],
    )
    inactive_states: bool = Field(
        default=True,
        description="`false`: of a status only the series that is 1, and no count of what is not there; rules and boards work with both.",
    )


class WebConfig(Model):
    """Where metrics and the status page are served. Changes need a restart."""

    listen_addresses: ListenAddresses = Field(
        default=(":10033",), description="`[HOST]:PORT`; no host means every interface, port 0 a free one."
    )
    telemetry_path: TelemetryPath = Field(
        default="/metrics", description="Path of the metrics, below `route_prefix`."
    )
    external_url: ExternalUrl | None = Field(
        default=None,
        description="URL under which browsers reach the exporter, for example through an ingress.",
        examples=["https://ops.example/dbs/"],
    )
    route_prefix: RoutePrefix | None = Field(
        default=None,
        description="Path below which everything is served; that of `external_url` if not given. `/` where a proxy takes"
        " the path away.",
        examples=["/dbs"],
    )

    grafana_url: ExternalUrl | None = Field(
        default=None,
        description="URL of a Grafana that has the boards; pages of plans then link to them.",
        examples=["https://grafana.example"],
    )

    zone: Zone = Field(
        default="UTC", description="Time zone of clock times on the status page.", examples=["Asia/Shanghai"]
    )

    @property
    def prefix(self) -> str:
        """The path below which everything is served, without a slash at its end; "" for all."""
        return path_prefix(self.external_url, self.route_prefix)


class StorageConfig(Model):
    """Where what is known is kept over a restart. Changes need a restart."""

    path: Text | None = Field(
        default=None,
        description="Directory for the state, made if there is none; no other process may use it."
        " In memory only if not given.",
        examples=["/var/lib/dbs-exporter"],
    )


class LogConfig(Model):
    """What the exporter logs, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged."
    )
    format: Literal["logfmt", "json"] = Field(default="logfmt", description="One line per event.")

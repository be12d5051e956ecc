"""The models of `objectives`: what plans are held to, whose they are, and when nobody is paged about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, create_model, model_validator

from dbs_exporter.config.sections import Model
from dbs_exporter.config.values import (
    CronLine,
    Instant,
    Name,
    Objective,
    Patterns,
    Switch,
    Text,
    Zone,
)
from dbs_exporter.facts.maintenance import FOREVER, Maintenance, read_cron
from dbs_exporter.facts.objectives import Owner


class LabelsConfig(Model):
    """Whose the plans are: labels of `dbs_plan_owner_info`, and of the alerts about them."""

    owner: Name | None = Field(default=None, description="Who answers for the database.", examples=["li.wei"])
    team: Name | None = Field(
        default=None, description="Who is paged; `databases` if not given.", examples=["payments-dba"]
    )
    tier: Name | None = Field(default=None, description="How much it matters.", examples=["gold"])


class _Maintenance(Model):
    if TYPE_CHECKING:
        zone: str
        to: float | None
        cron: str | None
        duration: float | None
        reason: str | None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        begin, end, cron, duration = (getattr(self, key) for key in ("from", "to", "cron", "duration"))
        if cron is None and begin is None:
            raise ValueError(
                "neither `from` and `to` nor `cron` and `duration`; a window needs one of the two pairs"
            )
        if cron is not None and (begin is not None or end is not None):
            raise ValueError("both `cron` and `from` or `to`; write two windows instead")
        if cron is not None and duration is None:
            raise ValueError(
                "no `duration`; say how long the windows that `cron` begins are, such as duration: 2h"
            )
        if cron is None and duration is not None:
            raise ValueError("`duration` belongs to `cron`; a window that begins once has `from` and `to`")
        if cron is None and end is None:
            raise ValueError("no `to`; a window in which nobody is paged needs an end")
        if begin is not None and end is not None and end <= begin:
            raise ValueError("`to` is not after `from`")
        return self

    def window(self) -> Maintenance:
        """Return the window."""
        cron, zone = self.cron, self.zone
        reason = self.reason or "maintenance"
        if cron is not None:
            return Maintenance(reason=reason, cron=read_cron(cron), duration=self.duration or 0.0, zone=zone)
        return Maintenance(reason=reason, begin=getattr(self, "from"), end=self.to or 0.0)


if TYPE_CHECKING:
    MaintenanceConfig = _Maintenance
else:
    # A field may not be called `from` in a class.
    MaintenanceConfig = create_model(
        "MaintenanceConfig",
        __base__=_Maintenance,
        __doc__="A time in which conditions of the plans are shown, but raise no alert: once, or again and again.",
        **{
            "zone": (
                Zone,
                Field(default="UTC", description="Time zone of the other keys.", examples=["Asia/Shanghai"]),
            ),
            "from": (
                Instant | None,
                Field(default=None, description="When it begins, once.", examples=["2026-12-24T22:00"]),
            ),
            "to": (
                Instant | None,
                Field(default=None, description="When that ends.", examples=["2026-12-25T06:00"]),
            ),
            "cron": (
                CronLine | None,
                Field(
                    default=None,
                    description="When it begins, again and again: minute, hour, day, month, weekday.",
                    examples=["30 1 * * sat"],
                ),
            ),
            "duration": (
                Objective | None,
                Field(default=None, description="How long that is.", examples=["3h"]),
            ),
            "reason": (
                Text | None,
                Field(default=None, description="Why, for those who look.", examples=["storage moves"]),
            ),
        },
    )


class ObjectiveConfig(Model):
    """What the plans it matches are held to; the first match wins."""

    plans: Patterns = Field(description="Patterns on plan id and name.", examples=[["orders-*"]])
    rpo: Objective | None = Field(
        default=None,
        description="How much data may be lost. 30m with log backup, else the full backup interval,"
        " if not given.",
    )
    full_backup_interval: Objective | None = Field(
        default=None,
        description="Between two full backups. The largest gap in the plan's own schedule plus 20 %,"
        " if not given.",
    )
    restore_time: Objective | None = Field(default=None, description="How long a restore may take.")
    restore_test_interval: Objective | None = Field(
        default=None, description="How old the last successful restore may be."
    )
    labels: LabelsConfig = Field(
        default=LabelsConfig(), description="Whose the plans are.", examples=[{"team": "payments-dba"}]
    )
    alerts: Switch = Field(
        default=True,
        description="`off`: conditions of the plans are shown, but raise no alert until `alerts_until`.",
    )
    alerts_until: Instant | None = Field(
        default=None,
        description="When `alerts: off` ends; `check` warns of one that does not.",
        examples=["2026-12-24T22:00+08:00"],
    )
    maintenance: tuple[MaintenanceConfig, ...] = Field(
        default=(),
        description="When conditions of the plans are shown, but raise no alert.",
        examples=[
            [{"cron": "30 1 * * sat", "duration": "3h", "zone": "Asia/Shanghai", "reason": "storage moves"}]
        ],
    )

    @property
    def whose(self) -> Owner:
        """Whose the plans are."""
        return Owner(owner=self.labels.owner or "", team=self.labels.team or "", tier=self.labels.tier or "")

    @property
    def mutes(self) -> tuple[Maintenance, ...]:
        """When the plans raise no alerts."""
        windows = tuple(each.window() for each in self.maintenance)
        if self.alerts:
            return windows
        return (
            Maintenance(
                reason="alerts: off", end=FOREVER if self.alerts_until is None else self.alerts_until
            ),
            *windows,
        )

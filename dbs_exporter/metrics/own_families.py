"""OWN_FAMILIES: the metrics about the exporter itself, as a table.

This module owns their names, help and labels only. `own` fills them, `collectors.reference` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFamily:
    """A metric family about the exporter itself, with all its labels."""

    name: str
    what: str
    type: Literal["gauge", "counter", "histogram"] = "gauge"
    labels: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """The HELP text."""
        return f"{self.what}."


_SCOPE = ("account", "region")
_COLLECTOR = (*_SCOPE, "collector")


def _collector(suffix: str, what: str, *, counter: bool = False) -> OwnFamily:
    return OwnFamily(
        name=f"dbs_exporter_collector_{suffix}",
        what=what,
        type="counter" if counter else "gauge",
        labels=_COLLECTOR,
    )


OWN_FAMILIES: tuple[OwnFamily, ...] = (
    OwnFamily(
        name="dbs_exporter_build_info",
        what="The running build; always 1",
        labels=("version", "revision", "python"),
    ),
    OwnFamily(
        name="dbs_exporter_shard_info",
        what="This exporter's place among the shards, counted from 0; always 1",
        labels=("shard",),
    ),
    OwnFamily(
        name="dbs_exporter_shards",
        what="Exporters that share the regions of all accounts, as this one is configured",
    ),
    _collector(
        "success",
        "1 if the collector's latest readings read everything they should and may, 0 if not; absent before the first",
    ),
    _collector(
        "permitted", "0 while RAM refuses the collector's operations to the account's credentials, else 1"
    ),
    _collector("last_success_timestamp_seconds", "When the collector last read something"),
    _collector(
        "oldest_success_timestamp_seconds",
        "When the plan that was longest not read by the collector last was",
    ),
    _collector("subjects", "Plans, or the one region or account, that the collector is to read"),
    _collector("failed_subjects", "Those of them that the collector could not read when it last tried"),
    OwnFamily(
        name="dbs_exporter_call_budget_stretch_ratio",
        what="By how much readings come later than wanted, because calls are few; 1 while they suffice",
        labels=_SCOPE,
    ),
    OwnFamily(
        name="dbs_exporter_call_budget_wanted_per_second",
        what="Calls of the DBS API that the collector wants within the next half hour, however many are allowed",
        labels=_COLLECTOR,
    ),
    OwnFamily(
        name="dbs_exporter_clock_offset_seconds",
        what="How far the API's clock is ahead of the machine's; absent before the first answer",
        labels=_SCOPE,
    ),
    OwnFamily(
        name="dbs_exporter_catching_up",
        what="1 while a region is being read again after the exporter was away for more than an hour, else 0",
        labels=_SCOPE,
    ),
    OwnFamily(
        name="dbs_exporter_state_last_write_successful",
        what="1 if what is known could be saved when that was last tried, 0 if not; absent without storage.path",
    ),
    OwnFamily(
        name="dbs_exporter_state_last_write_timestamp_seconds",
        what="When what is known was last saved",
    ),
    OwnFamily(
        name="dbs_exporter_state_size_bytes",
        what="Size of the file that holds what is known",
    ),
    OwnFamily(
        name="dbs_exporter_api_requests_total",
        what="Attempts at calls of the DBS API, repeated ones too, by how they ended",
        type="counter",
        labels=(*_SCOPE, "operation", "outcome"),
    ),
    OwnFamily(
        name="dbs_exporter_api_request_duration_seconds",
        what="How long attempts at calls of the DBS API took, without their wait for the rate limit",
        type="histogram",
        labels=("operation",),
    ),
    OwnFamily(
        name="dbs_exporter_api_rate_limit_wait_seconds_total",
        what="Seconds that calls waited for the rate limit or for a free place",
        type="counter",
        labels=_SCOPE,
    ),
    OwnFamily(
        name="dbs_exporter_api_rate_limit_per_second",
        what="Calls per second allowed now, fewer than configured after throttling",
        labels=_SCOPE,
    ),
    OwnFamily(
        name="dbs_exporter_credentials_expires_timestamp_seconds",
        what="When the account's present credentials expire; absent if they do not",
        labels=("account",),
    ),
    OwnFamily(
        name="dbs_exporter_credentials_refresh_failures_total",
        what="Times that the account's credentials could not be had or renewed, about every half minute while that lasts",
        type="counter",
        labels=("account",),
    ),
    OwnFamily(
        name="dbs_exporter_unknown_values_total",
        what="Values of an API field that the API's documents do not have",
        type="counter",
        labels=("field",),
    ),
    OwnFamily(
        name="dbs_exporter_refused_rows_total",
        what="Rows left out of the metrics because they broke the contract, a bug to be reported",
        type="counter",
        labels=("family", "reason"),
    ),
    OwnFamily(
        name="dbs_exporter_config_last_reload_successful",
        what="1 if the configuration was last loaded without error, 0 if the one before is still in use",
    ),
    OwnFamily(
        name="dbs_exporter_config_last_reload_success_timestamp_seconds",
        what="When the configuration in use was loaded",
    ),
    OwnFamily(
        name="dbs_exporter_series",
        what="Series in the page published before this one",
    ),
    OwnFamily(
        name="dbs_exporter_exposition_bytes",
        what="Bytes of the page published before this one, as uncompressed text",
    ),
)

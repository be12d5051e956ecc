"""What the exporter says of itself: the promised table, and nothing else."""

from __future__ import annotations

import pytest
from support.contract import promised

from dbs_exporter.metrics.own_families import OWN_FAMILIES, OwnFamily

CONTRACT = """
dbs_exporter_build_info version revision python
dbs_exporter_collector_success account region collector
dbs_exporter_collector_permitted account region collector
dbs_exporter_collector_last_success_timestamp_seconds account region collector
dbs_exporter_collector_subjects account region collector
dbs_exporter_collector_failed_subjects account region collector
dbs_exporter_collector_oldest_success_timestamp_seconds account region collector
dbs_exporter_call_budget_stretch_ratio account region
dbs_exporter_call_budget_wanted_per_second account region collector
dbs_exporter_clock_offset_seconds account region
dbs_exporter_catching_up account region
dbs_exporter_state_last_write_successful
dbs_exporter_state_last_write_timestamp_seconds
dbs_exporter_state_size_bytes
dbs_exporter_api_requests_total account region operation outcome
dbs_exporter_api_request_duration_seconds operation
dbs_exporter_api_rate_limit_wait_seconds_total account region
dbs_exporter_api_rate_limit_per_second account region
dbs_exporter_credentials_expires_timestamp_seconds account
dbs_exporter_credentials_refresh_failures_total account
dbs_exporter_unknown_values_total field
dbs_exporter_refused_rows_total family reason
dbs_exporter_shard_info shard
dbs_exporter_shards
dbs_exporter_series
dbs_exporter_exposition_bytes
dbs_exporter_config_last_reload_successful
dbs_exporter_config_last_reload_success_timestamp_seconds
"""


def test_the_table_is_the_promised_one() -> None:
    """A new family is added to the contract too, and each has the labels that it says."""
    assert {family.name: set(family.labels) for family in OWN_FAMILIES} == promised(CONTRACT)


@pytest.mark.parametrize("family", OWN_FAMILIES, ids=lambda family: family.name)
def test_names_and_help_keep_the_rules_of_prometheus(family: OwnFamily) -> None:
    """A counter ends in _total and nothing else does; HELP is one sentence."""
    assert (family.type == "counter") == family.name.endswith("_total")
    assert family.help.count("\n") == 0
    assert family.help.endswith(".")
    assert not family.help.endswith("..")

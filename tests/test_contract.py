"""The contract: every promised family with its labels and help, nothing else, and how it is printed."""

from __future__ import annotations

import json
import re

import pytest

from dbs_exporter.collectors import reference
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.metrics.family import Family
from dbs_exporter.metrics.own_families import OWN_FAMILIES

CONTRACT = """
dbs_plan_info plan_name database_type backup_method instance_class source_type source_instance_id
    source_region gateway_id resource_group_id cross_account_id
dbs_plan_status status
dbs_plan_created_timestamp_seconds
dbs_plan_expires_timestamp_seconds
dbs_plan_log_backup_enabled
dbs_plan_retention_seconds backup_type
dbs_plan_schedule_max_gap_seconds
dbs_plan_database_objects
dbs_plan_recoverable_from_timestamp_seconds
dbs_plan_recoverable_until_timestamp_seconds
dbs_plan_recoverable_ranges range_type
dbs_plan_recovery_gaps scope
dbs_plan_recovery_gap_seconds scope
dbs_plan_recovery_point_timestamp_seconds
dbs_plan_last_good_expires_timestamp_seconds
dbs_plan_objective_seconds objective
dbs_plan_billing_storage_bytes kind
dbs_plan_billing_used_bytes kind
dbs_plan_billing_free_bytes
dbs_plan_billing_paid_bytes
dbs_plan_billing_info charge_type spec
dbs_plan_last_read_timestamp_seconds collector
dbs_full_backup_last_success_timestamp_seconds
dbs_full_backup_last_success_duration_seconds
dbs_full_backup_last_success_queue_seconds
dbs_full_backup_last_success_size_bytes
dbs_full_backup_last_success_expires_timestamp_seconds
dbs_full_backup_last_attempt_timestamp_seconds
dbs_full_backup_last_attempt_status status
dbs_full_backup_consecutive_failures
dbs_full_backup_running_started_timestamp_seconds
dbs_full_backup_running_progress_ratio stage
dbs_full_backup_sets status
dbs_full_backup_sets_bytes storage_class
dbs_full_backup_size_median_bytes
dbs_full_backup_duration_median_seconds
dbs_full_backups_completed_total result
dbs_full_backup_bytes_total
dbs_full_backup_duration_seconds_total
dbs_incremental_backup_last_data_timestamp_seconds
dbs_incremental_backup_last_completed_timestamp_seconds
dbs_incremental_backup_files status
dbs_incremental_backup_files_bytes storage_class
dbs_incremental_backups_completed_total result
dbs_incremental_backup_bytes_total
dbs_restore_task_info restore_task_id restore_task_name destination_type destination_instance_id
    destination_region backup_set_id
dbs_restore_task_status restore_task_id status
dbs_restore_task_progress_ratio restore_task_id stage
dbs_restore_task_created_timestamp_seconds restore_task_id
dbs_restore_task_finished_timestamp_seconds restore_task_id
dbs_restore_task_target_timestamp_seconds restore_task_id
dbs_restore_tasks status
dbs_restore_last_success_timestamp_seconds
dbs_restore_last_success_duration_seconds
dbs_restores_completed_total result
dbs_precheck_status subject subject_id status
dbs_precheck_progress_ratio subject subject_id
dbs_precheck_items subject subject_id state
dbs_precheck_item_failed subject subject_id item
dbs_job_error_info job job_id error_code
dbs_download_tasks status
dbs_download_task_info download_task_id backup_set_id data_format way target_type gateway_id job_type
dbs_download_task_status download_task_id status
dbs_download_task_size_bytes download_task_id
dbs_download_task_created_timestamp_seconds download_task_id
dbs_download_task_finished_timestamp_seconds download_task_id
dbs_download_last_success_timestamp_seconds
dbs_gateway_info gateway_id identifier display_name hostname internet_ip intranet_ip
dbs_gateway_status gateway_id status
dbs_gateway_last_heartbeat_timestamp_seconds gateway_id
dbs_gateway_created_timestamp_seconds gateway_id
dbs_gateway_plans gateway_id
dbs_region_info
dbs_node_cidr_info network cidr
"""

OWN_CONTRACT = """
dbs_exporter_build_info version revision python
dbs_exporter_collector_success account region collector
dbs_exporter_collector_permitted account region collector
dbs_exporter_collector_interval_seconds account region collector
dbs_exporter_collector_duration_seconds account region collector
dbs_exporter_collector_last_run_timestamp_seconds account region collector
dbs_exporter_collector_last_success_timestamp_seconds account region collector
dbs_exporter_collector_subjects account region collector
dbs_exporter_collector_failed_subjects account region collector
dbs_exporter_collector_oldest_success_timestamp_seconds account region collector
dbs_exporter_collector_skipped_runs_total account region collector
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


def promised(table: str) -> dict[str, set[str]]:
    words = [line.split() for line in re.sub(r"\n +", " ", table).strip().splitlines()]
    return {name: set(labels) for name, *labels in words}


@pytest.mark.parametrize("name", promised(CONTRACT))
def test_a_promised_family_has_the_promised_labels(name: str) -> None:
    """No family of the contract is missing, and none has other labels than it says."""
    [family] = [each for each in TABLE.families if each.name == name]

    assert set(family.labels) == promised(CONTRACT)[name]


def test_the_table_holds_nothing_that_is_not_promised() -> None:
    """A new family is added to the contract too."""
    assert {family.name for family in TABLE.families} == set(promised(CONTRACT))
    assert {family.name: set(family.labels) for family in OWN_FAMILIES} == promised(OWN_CONTRACT)


@pytest.mark.parametrize("family", TABLE.families, ids=lambda family: family.name)
def test_help_names_where_the_value_comes_from(family: Family) -> None:
    """HELP names an API operation and says that it is polled."""
    assert re.search(r"\bDescribe[A-Z]\w+", family.help)
    assert family.help.endswith("; polled).")


def test_the_printed_catalogue_has_every_family_once() -> None:
    """Markdown and JSON name every family with all its labels, its source too."""
    names = [family.name for family in TABLE.families] + [family.name for family in OWN_FAMILIES]

    printed = json.loads(reference.as_json())
    markdown = reference.as_markdown()

    assert [entry["name"] for entry in printed] == names
    assert re.findall(r"^\| `(\w+)`", markdown, flags=re.MULTILINE) == names
    status = next(entry for entry in printed if entry["name"] == "dbs_plan_status")
    assert status == {
        "section": "Plans",
        "name": "dbs_plan_status",
        "type": "gauge",
        "labels": ["account", "region", "plan_id", "status"],
        "meaning": "1 for the status the plan has, 0 for the others",
        "source": "DescribeBackupPlanList BackupPlanStatus",
    }


def test_every_markdown_table_is_regular() -> None:
    """Each row has as many cells as its heading, and each section stands once."""
    markdown = reference.as_markdown()
    headings = re.findall(r"^### (.+)$", markdown, flags=re.MULTILINE)

    assert len(headings) == len(set(headings))
    for block in markdown.split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}) == 1

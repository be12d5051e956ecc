"""The operations that change something: what each place of a database needs, and what goes with what."""

from __future__ import annotations

import pytest

from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.api.operations.writes import WRITES
from dbs_exporter.errors import Invalid

RESTORE = {"BackupPlanId": "a", "RestoreTaskName": "b"}


def test_everything_here_writes() -> None:
    """A client that only reads must refuse every operation of this table."""
    assert [operation.name for operation in WRITES if not operation.writes] == []


@pytest.mark.parametrize(
    ("place", "needed"),
    [
        ("rds", {"RestoreObjects", "DestinationEndpointRegion", "DestinationEndpointInstanceID"}),
        (
            "ecs",
            {
                "RestoreObjects",
                "DestinationEndpointRegion",
                "DestinationEndpointInstanceID",
                "DestinationEndpointPort",
            },
        ),
        (
            "agent",
            {
                "DestinationEndpointRegion",
                "DestinationEndpointIP",
                "DestinationEndpointPort",
                "BackupGatewayId",
            },
        ),
        ("other", {"RestoreObjects", "DestinationEndpointIP", "DestinationEndpointPort"}),
        ("dg", {"RestoreObjects"}),
    ],
)
def test_each_place_of_a_database_needs_its_own_parameters(place: str, needed: set[str]) -> None:
    """A restore to an instance needs that instance, one to an address needs the address, one by a gateway the gateway."""
    missing: set[str] = set()
    try:
        request_parameters(
            OPERATIONS["CreateRestoreTask"], {**RESTORE, "DestinationEndpointInstanceType": place}
        )
    except Invalid as error:
        missing = {problem.partition(" is required when")[0] for problem in error.message.split("; ")}

    assert missing == needed


def test_source_and_destination_have_the_same_shape() -> None:
    """Where a database is backed up from and where it is restored to are told by the same parameters."""

    def endpoint(operation: str, side: str) -> set[str]:
        names = {parameter.name for parameter in OPERATIONS[operation].parameters}
        return {name.removeprefix(side) for name in names if name.startswith(f"{side}Endpoint")}

    source = endpoint("ConfigureBackupPlan", "Source")

    assert source - {"EndpointOracleHome"} == endpoint("CreateRestoreTask", "Destination")


def test_a_download_target_is_needed_where_downloads_are_automatic() -> None:
    """The place of the target must be told when automatic download is switched on, and only then."""
    rules = OPERATIONS["ModifyBackupSetDownloadRules"]

    assert request_parameters(rules, {"BackupPlanId": "a", "OpenAutoDownload": False})
    with pytest.raises(Invalid, match="BackupSetDownloadTargetTypeLocation is required"):
        request_parameters(rules, {"BackupPlanId": "a", "OpenAutoDownload": True})

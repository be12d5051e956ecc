"""WRITES: the operations that change plans, restores and downloads, as data.

The exporter itself never calls any of these; only `dbs-exporter call --write` and `dbs-exporter drill --yes` do. The parameters, their values and which
of them are required are those of the vendor's reference and of the request models of its official SDK; where the two list
different values, both are allowed.
"""

from __future__ import annotations

from dbs_exporter.api.operations.grammar import Operation, Parameter, boolean, integer, one_of, string

_PLACES = ("rds", "ecs", "express", "agent", "dds", "other", "dg")
_WITH_REGION = ("rds", "ecs", "dds", "express", "agent")
_WITH_INSTANCE = ("rds", "ecs", "dds", "express")
_WITH_ADDRESS = ("express", "agent", "other")
_WITH_PORT = ("express", "agent", "other", "ecs")
_WITHOUT_GATEWAY = tuple(place for place in _PLACES if place != "agent")

_NO_ACCOUNT = "required, except for Redis, and for MSSQL behind a gateway"

_FORMATS = ("Native", "SQL", "CSV", "JSON")
_CLASSES = ("micro", "small", "medium", "large", "xlarge")
_DATABASES = (
    "MySQL", "MSSQL", "Oracle", "MariaDB", "PostgreSQL", "DRDS", "MongoDB", "Redis", "PPAS", "FIle",
)  # fmt: skip
_DAYS = one_of(
    "BackupPeriod",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    many=True,
)
_REQUIRED_DAYS = (Parameter(name="BackupPeriod", required=True, values=_DAYS[0].values, many=True),)
_STRATEGY = one_of("BackupStrategyType", "simple", "manual")
_PERIOD = one_of("Period", "Year", "Month")


def _endpoint(side: str) -> tuple[Parameter, ...]:
    """Return the parameters of a database's endpoint, with those that each type of instance requires.

    `side` is Source or Destination.
    """
    place = f"{side}EndpointInstanceType"

    def required_at(name: str, places: tuple[str, ...], *, number: bool = False) -> Parameter:
        return Parameter(
            name=name,
            type="integer" if number else "string",
            required_when=(place, places),
        )

    def noted(name: str, note: str) -> Parameter:
        return Parameter(name=name, note=note)

    return (
        *one_of(f"{place}*", *_PLACES),
        required_at(f"{side}EndpointRegion", _WITH_REGION),
        required_at(f"{side}EndpointInstanceID", _WITH_INSTANCE),
        required_at(f"{side}EndpointIP", _WITH_ADDRESS),
        required_at(f"{side}EndpointPort", _WITH_PORT, number=True),
        required_at("BackupGatewayId", ("agent",), number=True),
        noted(f"{side}EndpointDatabaseName", "required for PostgreSQL and MongoDB"),
        noted(f"{side}EndpointUserName", _NO_ACCOUNT),
        noted(f"{side}EndpointPassword", _NO_ACCOUNT),
        noted(f"{side}EndpointOracleSID", "required for Oracle"),
    )


_PURCHASE = (
    *one_of("BackupMethod*", "logical", "physical", "duplication"),
    *one_of("DatabaseType*", *_DATABASES),
    *one_of("InstanceClass*", *_CLASSES),
    *one_of("InstanceType", "RDS", "PolarDB", "DDS", "Kvstore", "Other", "dg"),
    *one_of("PayType", "prepay", "postpay"),
    *_PERIOD,
    *integer("UsedTime"),
    *string("DatabaseRegion", "StorageRegion", "StorageType", "FromApp", "ResourceGroupId"),
)

_SETTINGS = (
    *_endpoint("Source"),
    *_STRATEGY,
    *_DAYS,
    *string("BackupStartTime", "BackupObjects", "BackupStorageType", "OSSBucketName"),
    *string("CrossAliyunId", "CrossRoleName"),
    *integer(
        "BackupRetentionPeriod",
        "DuplicationInfrequentAccessPeriod",
        "DuplicationArchivePeriod",
        "BackupLogIntervalSeconds",
        "BackupRateLimit",
        "BackupSpeedLimit",
    ),
    *boolean("EnableBackupLog"),
)

WRITES = (
    Operation(
        name="CreateBackupPlan",
        summary="Buy a backup plan.",
        writes=True,
        parameters=(*string("Region*"), *_PURCHASE),
    ),
    Operation(
        name="ConfigureBackupPlan",
        summary="Say what a plan backs up, when, and for how long it is kept.",
        writes=True,
        parameters=(
            *string("BackupPlanId*", "BackupPlanName*"),
            *_SETTINGS,
            *boolean("AutoStartBackup"),
            *string(
                "BackupStorageEncryptMethod",
                "EnableMysqlPhysicalBackupBinlog",
                "EnableSourceEndpointSsl",
                "SourceEndpointOracleHome",
                "SslCaPem",
                "ResourceGroupId",
            ),
        ),
    ),
    Operation(
        name="CreateAndStartBackupPlan",
        summary="Buy, configure and start a backup plan in one step.",
        writes=True,
        parameters=(
            *string("Region", "BackupPlanId", "BackupPlanName*"),
            *_PURCHASE,
            *_SETTINGS,
        ),
    ),
    Operation(
        name="RenewBackupPlan",
        summary="Prolong a prepaid plan.",
        writes=True,
        parameters=(
            *string("BackupPlanId*"),
            *one_of("Period*", "Year", "Month"),
            *integer("UsedTime*"),
        ),
    ),
    Operation(
        name="UpgradeBackupPlan",
        summary="Move a plan to a larger class.",
        writes=True,
        parameters=(*string("BackupPlanId*"), *one_of("InstanceClass*", *_CLASSES)),
    ),
    Operation(
        name="StartBackupPlan",
        summary="Start a plan.",
        writes=True,
        parameters=string("BackupPlanId*"),
    ),
    Operation(
        name="StopBackupPlan",
        summary="Pause a plan: its schedule alone, or all its running work too.",
        writes=True,
        parameters=(*string("BackupPlanId*"), *one_of("StopMethod*", "ALL", "PLAN")),
    ),
    Operation(
        name="ModifyBackupObjects",
        summary="Change which databases and tables a plan backs up.",
        writes=True,
        parameters=string("BackupPlanId*", "BackupObjects*"),
    ),
    Operation(
        name="EnableBackupLog",
        summary="Turn a plan's log backup on.",
        writes=True,
        parameters=string("BackupPlanId*", "EnableMysqlPhysicalBackupBinlog"),
    ),
    Operation(
        name="DisableBackupLog",
        summary="Turn a plan's log backup off.",
        writes=True,
        parameters=string("BackupPlanId*", "DisableMysqlPhysicalBackupBinlogOnly"),
    ),
    Operation(
        name="ReleaseBackupPlan",
        summary="Give up a plan that is paid by use, with everything it stored.",
        writes=True,
        parameters=string("BackupPlanId*"),
    ),
    Operation(
        name="ModifyStorageStrategy",
        summary="Change how long backups are kept and when they move to cheaper storage.",
        writes=True,
        parameters=(
            *string("BackupPlanId*"),
            *integer(
                "BackupRetentionPeriod*",
                "DuplicationInfrequentAccessPeriod*",
                "DuplicationArchivePeriod*",
            ),
            *string(
                "BackupStorageEncryptMethod",
                "IncrementBackupRetentionPeriod",
                "IncrementDuplicationInfrequentAccessPeriod",
                "IncrementDuplicationArchivePeriod",
                "LogBackupRetentionPeriod",
                "LogDuplicationInfrequentAccessPeriod",
                "LogDuplicationArchivePeriod",
            ),
        ),
    ),
    Operation(
        name="ModifyBackupSourceEndpoint",
        summary="Change where a plan's database is and how it is reached.",
        writes=True,
        parameters=(
            *string("BackupPlanId*"),
            *_endpoint("Source"),
            *string(
                "BackupObjects",
                "CrossAliyunId",
                "CrossRoleName",
                "EnableSourceEndpointSsl",
                "SourceEndpointOracleHome",
                "SslCaPem",
            ),
        ),
    ),
    Operation(
        name="ModifyBackupPlanName",
        summary="Rename a plan.",
        writes=True,
        parameters=string("BackupPlanId*", "BackupPlanName*"),
    ),
    Operation(
        name="ModifyBackupStrategy",
        summary="Change when a plan's full backups run.",
        writes=True,
        parameters=(
            *string("BackupPlanId*"),
            *_REQUIRED_DAYS,
            *string("BackupStartTime"),
            *_STRATEGY,
            *integer("BackupLogIntervalSeconds"),
        ),
    ),
    Operation(
        name="CreateRestoreTask",
        summary="Set up a restore, to a point in time or of one full backup set.",
        writes=True,
        parameters=(
            *string("BackupPlanId*", "RestoreTaskName*"),
            *_endpoint("Destination"),
            *integer("RestoreTime"),
            *string("BackupSetId", "RestoreHome"),
            Parameter(
                name="RestoreObjects",
                required_when=("DestinationEndpointInstanceType", _WITHOUT_GATEWAY),
            ),
            Parameter(name="RestoreDir", note="required for MySQL behind a gateway"),
            *one_of("DuplicateConflict", "failure", "renamenew", "renamew"),
            *boolean("EnableDestinationEndpointSsl"),
            *string(
                "RestoreDestinationMode",
                "CrossAliyunId",
                "CrossRoleName",
                "AutoOpenDatabase",
                "AutoShutdownDatabase",
                "DestDatabaseInstanceClass",
                "DestDatabaseInstanceDatabaseVersion",
                "DestDatabaseInstanceRegion",
                "DestDatabaseInstanceStorageSize",
                "DestDatabaseInstanceType",
                "DestDatabaseInstanceVSwitch",
                "DestDatabaseInstanceVpc",
                "SslCaPem",
            ),
        ),
        at_most_one_of=("RestoreTime", "BackupSetId"),
    ),
    Operation(
        name="StartRestoreTask",
        summary="Start a restore that was set up.",
        writes=True,
        parameters=string("RestoreTaskId*"),
    ),
    Operation(
        name="CreateGetDBListFromAgentTask",
        summary="Ask a gateway to look which databases it can see; GetDBListFromAgent gives the result.",
        writes=True,
        parameters=(
            *integer("BackupGatewayId", "SourceEndpointPort"),
            *one_of("DatabaseType", *_DATABASES),
            *string("SourceEndpointRegion", "SourceEndpointIP"),
        ),
    ),
    Operation(
        name="ModifyBackupSetDownloadRules",
        summary="Turn the automatic download of a plan's backup sets on or off, and say where to.",
        writes=True,
        parameters=(
            *string("BackupPlanId*", "BackupSetDownloadDir"),
            *boolean("OpenAutoDownload"),
            *integer("BackupGatewayId"),
            *one_of("FullDataFormat", *_FORMATS),
            *one_of("IncrementDataFormat", *_FORMATS),
            *one_of("BackupSetDownloadTargetType", "agent"),
            Parameter(
                name="BackupSetDownloadTargetTypeLocation",
                values=("local", "nas", "ftp", "minio"),
                required_when=("OpenAutoDownload", ("true",)),
            ),
        ),
    ),
    Operation(
        name="CreateFullBackupSetDownload",
        summary="Download a full backup set.",
        writes=True,
        parameters=(*string("BackupSetId*"), *one_of("BackupSetDataFormat", *_FORMATS)),
    ),
    Operation(
        name="CreateIncrementBackupSetDownload",
        summary="Download a log backup file.",
        writes=True,
        parameters=(
            *string("BackupSetId*", "BackupSetName*"),
            *one_of("BackupSetDataFormat", *_FORMATS),
        ),
    ),
    Operation(
        name="InitializeDbsServiceLinkedRole",
        summary="Create the role by which DBS may use other services of the account.",
        writes=True,
    ),
)
"""Every operation that changes something."""

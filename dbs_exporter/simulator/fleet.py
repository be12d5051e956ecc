"""The plans and gateways of a fleet as a pure function of the seed: names, engines, schedules, sizes.

Nothing here depends on the time; what has happened to a plan by now is in `past`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from math import floor

DAY = 86_400
WEEK = 7 * DAY
YEAR = 365 * DAY
EPOCH_MONDAY = 1_704_067_200
"""2024-01-01, a Monday, in Unix seconds: plans count their weeks from here."""

LONG_RUNNING = {0: 0, 2: 480, 10: 960}
"""Plan index -> minute of the day at which its backups start.

These logical backups take over eight hours each, so that a backup that reports progress is always running.
"""

REGIONS = ("cn-hangzhou", "cn-shanghai", "ap-southeast-1")
SUPPORTED_REGIONS = (
    "cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-shenzhen", "cn-hongkong", "ap-southeast-1",
    "cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1",
)  # fmt: skip
GATEWAYS_PER_REGION = 2
SYSTEMS = ("orders", "billing", "stock", "crm", "erp", "sessions", "catalog", "ledger", "search", "reports")


@dataclass(frozen=True, slots=True)
class Engine:
    """A database engine as DBS names it, and the usual settings of its plans."""

    database_type: str
    port: int
    method: str
    has_log: bool
    file_name: str

    @property
    def restore_kind(self) -> str:
        """The stages of a restore: logical, physical, or combined (full backup and log in a single stage)."""
        return "combined" if self.database_type == "Oracle" else self.method


ENGINES = (
    Engine("MySQL", 3306, "logical", True, "mysql-bin.{:06d}"),
    Engine("MySQL", 3306, "physical", True, "mysql-bin.{:06d}"),
    Engine("PostgreSQL", 5432, "logical", True, "{:024X}"),
    Engine("MongoDB", 27017, "logical", True, "oplog-{:08d}"),
    Engine("MSSQL", 1433, "physical", True, "log_{:08d}.trn"),
    Engine("Oracle", 1521, "physical", True, "1_{:06d}.arc"),
    Engine("Redis", 6379, "logical", False, "aof-{:08d}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A backup gateway at a customer's site."""

    gateway_id: int
    identifier: str
    region: str
    account: str
    name: str
    hostname: str
    internet_ip: str
    intranet_ip: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetShape:
    """What the plans of a fleet have in common; None leaves each plan to its own drawing."""

    regions: tuple[str, ...] = REGIONS
    start_minute: int | None = None
    """Minute of the day of each plan's full backup, or the first of the `start_spread_minutes` over which they are spread."""
    start_spread_minutes: int = 0
    backup_seconds: float | None = None
    """The usual duration; each full backup takes 0.8 to 1.25 of it."""
    failing_share: float = 0.0
    """The share of full backups that fail within a minute."""
    has_log: bool | None = None
    log_file_seconds: int = 3_600
    log_retention_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSpec:
    """The settings of a plan; times are in Unix seconds, sizes in bytes."""

    index: int
    plan_id: str
    name: str
    account: str
    region: str
    engine: Engine
    source_type: str
    instance_id: str
    host: str
    gateway_id: int
    weekdays: tuple[int, ...]
    start_minute: int
    retention_days: int
    log_retention_days: int
    has_log: bool
    prepaid: bool
    base_bytes: int
    growth_per_day: float
    bytes_per_second: int
    created_at: int
    rare_access_after_days: int
    archive_after_days: int
    cross_account_id: str = ""
    backup_seconds: float | None = None
    """The usual duration of a full backup; None where it follows from the size."""
    failing_share: float = 0.0
    """The share of full backups that fail within a minute."""
    log_file_seconds: int = 3_600
    incidents: frozenset[str] = field(default=frozenset())

    def prepaid_until(self, now: float) -> float:
        """Return when a prepaid plan ends: it is paid by the year and renewed 60 days before its end."""
        return self.created_at + YEAR * (1 + floor((now + 60 * DAY - self.created_at) / YEAR))

    def storage_class(self, age_seconds: float) -> str:
        """Return the storage class of a backup of that age."""
        if age_seconds >= self.archive_after_days * DAY:
            return "Archive"
        return "IA" if age_seconds >= self.rare_access_after_days * DAY else "Standard"


def draw(seed: int, *key: object) -> float:
    """Return a number in [0, 1) that depends only on the arguments."""
    digest = blake2b(repr((seed, *key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def identifier(seed: int, *key: object) -> str:
    """Return ten letters and digits that depend only on the arguments."""
    digest = blake2b(repr((seed, "id", *key)).encode(), digest_size=8).digest()
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    number = int.from_bytes(digest, "big")
    chosen = []
    for _ in range(10):
        number, place = divmod(number, 36)
        chosen.append(letters[place])
    return "".join(chosen)


def gateways(seed: int, accounts: tuple[str, ...], regions: tuple[str, ...] = REGIONS) -> tuple[Gateway, ...]:
    """Return the gateways of the accounts, two in each region."""
    created = []
    for account in accounts:
        for region in regions:
            for number in range(GATEWAYS_PER_REGION):
                key = (account, region, number)
                created.append(
                    Gateway(
                        gateway_id=160_000 + int(draw(seed, "gateway", *key) * 800_000),
                        identifier=identifier(seed, "gateway", *key),
                        region=region,
                        account=account,
                        name=f"gw-{region.rsplit('-', 1)[-1]}-{number + 1}",
                        hostname=f"backup-gw-{number + 1}.{region}.example.internal",
                        internet_ip=f"203.0.113.{int(draw(seed, 'public', *key) * 250) + 1}",
                        intranet_ip=f"10.{int(draw(seed, 'b', *key) * 250)}.{number}.{int(draw(seed, 'c', *key) * 250) + 1}",
                        created_at=EPOCH_MONDAY + int(draw(seed, "age", *key) * 200 * DAY),
                    )
                )
    return tuple(created)


def plan(
    seed: int,
    index: int,
    account: str,
    own_gateways: tuple[Gateway, ...],
    incident: str,
    shape: FleetShape = FleetShape(),
) -> PlanSpec:
    """Return the index-th plan of an account.

    `incident` is the incident reserved for the plan, whether it is active or not; "" if there is none.
    """

    def drawn(purpose: str) -> float:
        return draw(seed, account, index, purpose)

    engine = ENGINES[index % len(ENGINES)]
    region = shape.regions[(index // 2) % len(shape.regions)]
    through_gateway = incident == "offline_gateway" or (not incident and index % 5 == 3)
    if incident == "offline_gateway":
        region = shape.regions[0]
    local = [gateway for gateway in own_gateways if gateway.region == region]
    # The first gateway of a region is the one that may go offline, so healthy plans use the others.
    gateway = local[0] if incident == "offline_gateway" else local[1 + index % (len(local) - 1)]
    if incident in ("log_hole", "log_backup_paused", "offline_gateway"):
        engine = ENGINES[index % 2]
    weekly = not incident and index % 6 == 5 and shape.start_minute is None
    long_running = not incident and index in LONG_RUNNING and shape.backup_seconds is None
    start_minute = int(drawn("minute") * 1440)
    if shape.start_minute is not None:
        start_minute = (shape.start_minute + int(drawn("minute") * shape.start_spread_minutes)) % 1440
    return PlanSpec(
        index=index,
        plan_id=f"dbs1{identifier(seed, account, index)}"[:13],
        name=f"{SYSTEMS[index % len(SYSTEMS)]}-{engine.database_type.lower()}-{index + 1:02d}",
        account=account,
        region=region,
        engine=engine,
        source_type="agent" if through_gateway else ("rds", "ecs", "express")[index % 3],
        instance_id=f"{'rm' if engine.database_type != 'MongoDB' else 'dds'}-bp1{identifier(seed, account, index, 'instance')}",
        host=f"10.{index % 200}.{(index * 7) % 250}.{(index * 13) % 250 + 1}",
        gateway_id=gateway.gateway_id if through_gateway else 0,
        weekdays=(0, 2, 4) if weekly else (0, 1, 2, 3, 4, 5, 6),
        start_minute=LONG_RUNNING[index] if long_running else start_minute,
        retention_days=90,
        log_retention_days=shape.log_retention_days,
        has_log=incident != "failing_without_log"
        and (engine.has_log if shape.has_log is None else shape.has_log),
        prepaid=incident == "expiring_prepaid_plan" or index % 2 == 0,
        base_bytes=300 * 2**30 if long_running else int(2**30 * (0.5 + 40 * drawn("size") ** 3)),
        growth_per_day=0.0 if long_running else 0.001 + 0.003 * drawn("growth"),
        bytes_per_second=10_000_000 if long_running else int(40e6 * (0.5 + drawn("speed"))),
        created_at=EPOCH_MONDAY + int(drawn("age") * 300) * DAY,
        rare_access_after_days=30 if index % 2 else 180,
        archive_after_days=60 if index % 4 == 3 else 365,
        cross_account_id=f"16{4_000_000_000_000 + int(drawn('owner') * 1e12)}" if index % 9 == 4 else "",
        backup_seconds=shape.backup_seconds,
        failing_share=shape.failing_share,
        log_file_seconds=shape.log_file_seconds,
    )

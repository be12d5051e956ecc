"""A look at the whole account before anything is changed: the sources of all plans and the gateways of all regions.

A destination is compared with every source there is, so what cannot be listed or read refuses the drill.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from dbs_exporter.config.load import selects
from dbs_exporter.config.problems import suggestion
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.places import Source, read_source
from dbs_exporter.errors import ApiError, BadAnswer, DrillError
from dbs_exporter.facts.gateways import Gateway, read_gateway
from dbs_exporter.facts.plans import read_plan
from dbs_exporter.facts.records import Fields

NAMED = 5
"""So many plans are named in a sentence."""
_ENDPOINT = frozenset(
    {
        "SourceEndpointHost",
        "SourceEndpointPort",
        "SourceEndpointIpPort",
        "SourceEndpointInstanceID",
        "BackupGatewayId",
    }
)


class Survey(Struct, frozen=True, kw_only=True):
    """The plans and gateways of all regions of an account."""

    regions: tuple[str, ...]
    sources: tuple[Source, ...]
    gateways: tuple[tuple[str, Gateway], ...]
    """(region, gateway)"""


def survey(cloud: Cloud, *, everywhere: bool = True) -> Survey:
    """List plans and gateways of every region · DescribeRegions, DescribeBackupPlanList, DescribeBackupGatewayList.

    Only of the configured regions if not `everywhere`. Raises DrillError for a region that cannot be listed or read, and ApiError if
    the regions cannot.
    """
    configured = () if cloud.account.regions == "all" else cloud.account.regions
    regions = cloud.regions() if everywhere or not configured else configured
    sources: list[Source] = []
    gateways: list[tuple[str, Gateway]] = []
    problems: list[str] = []
    because = ", so nobody knows whether a destination is the source of a plan there" if everywhere else ""
    for region in sorted({*regions, *configured}):
        try:
            for record in cloud.pages(region, "DescribeBackupPlanList", Region=region):
                sources.append(_source(cloud.fields(record), region))
            for record in cloud.pages(region, "DescribeBackupGatewayList", Region=region):
                gateways.append((region, read_gateway(cloud.fields(record))))
        except ApiError as error:
            problems.append(f"region {region} cannot be listed{because}: {error}")
    if problems:
        raise DrillError(*problems)
    return Survey(regions=regions, sources=tuple(sources), gateways=tuple(gateways))


def _source(fields: Fields, region: str) -> Source:
    plan = read_plan(fields)
    source = read_source(plan, fields, region)
    if unreadable := sorted(_ENDPOINT & {*plan.unreadable, *fields.unreadable}):
        raise BadAnswer(f"the source of plan {plan.plan_id} cannot be read", field=unreadable[0])
    return source


def chosen(cloud: Cloud, found: Survey, plan_id: str | None) -> list[Source]:
    """Return the plans that the configuration selects, or the one of them that is named. Raises DrillError if there is none."""
    regions = cloud.account.regions
    selected = [
        source
        for source in found.sources
        if (regions == "all" or source.region in regions) and selects(cloud.account, source.plan)
    ]
    if not selected:
        raise DrillError("account.plans and account.regions select no plan; look at `dbs-exporter check`")
    if plan_id is None:
        return selected
    named = [source for source in selected if source.plan.plan_id == plan_id]
    if not named:
        known = _ids(selected)
        raise DrillError(
            f"--plan: the configuration selects no plan {plan_id!r}; {suggestion(plan_id, known)}"
        )
    return named


def _ids(sources: Iterable[Source]) -> list[str]:
    return [source.plan.plan_id for source in sources][:20]


def some_titles(sources: Sequence[Source]) -> str:
    """Return the names of the first plans, and how many more there are."""
    more = f" and {len(sources) - NAMED} more" if len(sources) > NAMED else ""
    return ", ".join(source.title for source in sources[:NAMED]) + more

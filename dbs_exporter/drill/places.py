"""Where databases are, and whether a destination is a plan's source by another spelling.

A database may have an instance id, several host names, public and private addresses, and a port on a gateway. Two places count as
the same if they share any of these; the port does not count, since a restore beside a source takes its disk and memory. What
cannot be told apart is refused. This module asks nothing but the given resolver of host names.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache

from msgspec import Struct

from dbs_exporter.config.drill_file import DestinationConfig
from dbs_exporter.facts.fields import items
from dbs_exporter.facts.gateways import Gateway
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.records import Fields

Resolver = Callable[[str], frozenset[str]]
"""Takes a host name and returns its addresses, none if it cannot be resolved."""


class Source(Struct, frozen=True, kw_only=True):
    """The source of a plan, and what else of its record drills need · DescribeBackupPlanList."""

    plan: Plan
    region: str
    """Where the plan is listed."""
    host: str
    port: str
    databases: tuple[str, ...]
    """Databases that the plan backs up (BackupObjects); () where they are not known."""
    hosts: frozenset[str] = frozenset()
    """All names and addresses in small letters, as the record spells them."""
    download_automatic: bool | None = None
    download_gateway_id: str = ""
    download_directory: str = ""

    @property
    def title(self) -> str:
        """The plan as messages name it."""
        return f"{self.plan.plan_id} ({self.plan.name})" if self.plan.name else self.plan.plan_id


def read_source(plan: Plan, fields: Fields, region: str) -> Source:
    """Read the source of a plan · DescribeBackupPlanList, Items.BackupPlanDetail."""
    host, port = fields.text("SourceEndpointHost"), fields.text("SourceEndpointPort")
    pair_host, _, pair_port = fields.text("SourceEndpointIpPort").rpartition(":")
    hosts = {_plain(name) for name in (host, pair_host) if name}
    return Source(
        plan=plan,
        region=region,
        host=host or pair_host,
        port=port or pair_port,
        databases=_database_names(fields.record.get("BackupObjects")),
        hosts=frozenset(hosts),
        download_automatic=fields.boolean("OpenBackupSetAutoDownload"),
        download_gateway_id=fields.gateway_id("BackupSetDownloadGatewayId"),
        download_directory=fields.text("BackupSetDownloadDir"),
    )


def _database_names(objects: object) -> tuple[str, ...]:
    """Return the names in BackupObjects, a JSON list in a text; () if it names none, or in a form that no document shows."""
    with suppress(Exception):
        parsed = json.loads(objects) if isinstance(objects, str) else objects
        names = [entry.get("DBName") for entry in items({"Objects": parsed}, ("Objects",))]
        if all(isinstance(name, str) and name for name in names):
            return tuple(dict.fromkeys(str(name) for name in names))
    return ()


def refusals(
    destination: DestinationConfig,
    sources: Iterable[Source],
    gateways: Iterable[tuple[str, Gateway]],
    resolve: Resolver,
) -> list[str]:
    """Return why a destination must not be used: which source it is, or may be, and by what; [] if it is none.

    `sources` are those of all plans of all regions, `gateways` (region, gateway) of all regions.
    """
    by_id = {gateway.gateway_id: gateway for _, gateway in gateways}
    sources = list(sources)
    own = _names(destination, by_id)
    own_addresses, unresolved = _resolved(own, resolve)
    found: list[str] = []
    for source in sources:
        if reason := _same(destination, own, own_addresses, source, by_id, resolve):
            found.append(f"it is the source of plan {source.title} in {source.region}: {reason}")
    if destination.instance_type != "agent":
        found += _through_gateways(own | own_addresses, sources, by_id)
    if not found and unresolved:
        found.append(
            f"the name {unresolved[0]} cannot be resolved here, so nobody knows whether it is a source by another name;"
            " give its addresses (`addresses`), or run this where the name resolves"
        )
    if not found:
        found += _unresolved_sources(destination, sources, by_id, resolve)
    if not found and not own:
        found += _unrecognisable(destination, sources)
    return found


def _same(
    destination: DestinationConfig,
    own: frozenset[str],
    own_addresses: frozenset[str],
    source: Source,
    gateways: dict[str, Gateway],
    resolve: Resolver,
) -> str:
    """Return by what a source is the destination; "" if by nothing."""
    instance, source_instance = _plain(destination.instance_id or ""), _plain(source.plan.source_instance_id)
    theirs = _behind(source.hosts, source.plan.gateway_id, gateways)
    if instance and instance == source_instance:
        return f"both are instance {destination.instance_id}"
    for identity, hosts in ((instance, theirs), (source_instance, own)):
        # The host names of an instance begin with its id.
        for host in hosts if identity else ():
            if not _is_address(host) and host.partition(".")[0].startswith(identity):
                return f"the host {host} is instance {identity}"
    if shared := sorted(own & theirs):
        return f"both are at {shared[0]}"
    if shared := sorted(own_addresses & _resolved(theirs, resolve)[0]):
        return f"both are at {shared[0]}, by another name"
    return ""


def _through_gateways(
    addresses: frozenset[str], sources: Iterable[Source], gateways: dict[str, Gateway]
) -> Iterator[str]:
    """Yield why an address may lead through a gateway to a source behind it."""
    for source in sources:
        gateway = gateways.get(source.plan.gateway_id)
        if gateway is not None and (shared := sorted(addresses & _addresses(gateway))):
            yield (
                f"{shared[0]} is gateway {gateway.gateway_id} ({gateway.display_name or gateway.identifier}), and a port on"
                f" it may lead to the source of plan {source.title} in {source.region}"
            )
            return


def _unresolved_sources(
    destination: DestinationConfig,
    sources: Iterable[Source],
    gateways: dict[str, Gateway],
    resolve: Resolver,
) -> Iterator[str]:
    """Yield why a source may be the destination: its name does not resolve here, and no two instance ids tell them apart."""
    for source in sources:
        are_distinct = destination.instance_id and source.plan.source_instance_id
        if source.plan.database_type != destination.database_type or are_distinct:
            continue
        _, unresolved = _resolved(_behind(source.hosts, source.plan.gateway_id, gateways), resolve)
        if unresolved:
            yield (
                f"the name {unresolved[0]}, the source of plan {source.title} in {source.region}, cannot be resolved here, so"
                " nobody knows whether it is the destination; let it resolve (DNS, /etc/hosts), or run this where it does"
            )
            return


def _unrecognisable(destination: DestinationConfig, sources: Iterable[Source]) -> Iterator[str]:
    """Yield why an instance id alone does not show that a destination is no source."""
    for source in sources:
        if source.plan.database_type == destination.database_type and not source.plan.source_instance_id:
            yield (
                f"instance {destination.instance_id} may be the source of plan {source.title} in {source.region}, of which"
                f" only the address {source.host}:{source.port} is known; give the instance's own names and addresses"
                " (`addresses`)"
            )
            return


def _names(destination: DestinationConfig, gateways: dict[str, Gateway]) -> frozenset[str]:
    """Return all names and addresses of a destination, in small letters."""
    given = {_plain(name) for name in (destination.host, *destination.addresses) if name}
    return _behind(frozenset(given), str(destination.gateway_id or ""), gateways)


def _behind(hosts: frozenset[str], gateway_id: str, gateways: dict[str, Gateway]) -> frozenset[str]:
    """Return the hosts as others see them: what is local to a gateway is at the gateway's addresses."""
    if not any(_is_local(host) for host in hosts) or gateway_id not in gateways:
        return hosts
    outside = frozenset(host for host in hosts if not _is_local(host))
    return outside | _addresses(gateways[gateway_id]) | {f"gateway {gateway_id}"}


def _addresses(gateway: Gateway) -> frozenset[str]:
    named = (gateway.hostname, gateway.internet_ip, gateway.intranet_ip)
    return frozenset(_plain(name) for name in named if name)


def _resolved(hosts: Iterable[str], resolve: Resolver) -> tuple[frozenset[str], list[str]]:
    """Return the addresses of hosts, and the names that have none."""
    addresses: set[str] = set()
    unresolved = []
    for host in sorted(hosts):
        if _is_address(host) or host.startswith("gateway "):
            addresses.add(host)
        elif found := resolve(host):
            addresses |= {_plain(address) for address in found}
        else:
            unresolved.append(host)
    # Names that are known by an address beside them need not resolve.
    return frozenset(addresses), [] if addresses else unresolved


def _plain(name: str) -> str:
    """Return a name or address in its usual spelling."""
    name = name.strip().rstrip(".").lower()
    with suppress(ValueError):
        address = ipaddress.ip_address(name.strip("[]"))
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)
    return name


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


@cache
def resolve_host(host: str) -> frozenset[str]:
    """Return the addresses of a host name as this machine resolves it; none if it cannot."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]) for entry in found)

"""Gateways and network: what stands between the databases and DBS."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import BY_PLAN, SCOPE, Column, Label
from .names import PROTECTION
from .states import STATE_CODES, STATES

GATEWAY = "account, region, gateway_id"
NETWORKS = f"dbs_node_cidr_info{{{SCOPE}}}"
STATUS = {
    "1": ("ONLINE", kit.GREEN),
    "2": ("UPGRADING", kit.BLUE),
    "3": ("STOPPED", kit.ORANGE),
    "4": ("OFFLINE", kit.RED),
}


def status_code() -> str:
    """One code per gateway: 1 ONLINE, 2 UPGRADING, 3 STOPPED, 4 OFFLINE."""
    return " or ".join(
        f'(max by ({GATEWAY}) (dbs_gateway_status{{{SCOPE},status="{name}"}}) == 1) * {code}'
        for code, (name, _) in STATUS.items()
    )


def _with_name(expression: str) -> str:
    return (
        f"({expression}) * on ({GATEWAY}) group_left (display_name, hostname) "
        f"max by ({GATEWAY}, display_name, hostname) (dbs_gateway_info)"
    )


def _behind(expression: str) -> str:
    """A number per gateway, for each plan behind one."""
    return (
        f'max by ({BY_PLAN}, plan_name, database_type, gateway_id) (dbs_plan_info{{{SCOPE},gateway_id!=""}}) * 0 '
        f"+ on ({GATEWAY}) group_left () ({expression})"
    )


def _changed(listed: str, otherwise: str) -> str:
    """Networks that are in one list and not in the other; none where the other list is not known, as in the first day."""
    return (
        f"count by (region, network) ({listed} unless on (account, region, network, cidr) {otherwise} "
        f"and on (account, region) {otherwise}) or count by (region, network) ({NETWORKS}) * 0"
    )


def build() -> Dashboard:
    """The board dbs-gateways."""
    heartbeat = f"max by ({GATEWAY}) (dbs_gateway_last_heartbeat_timestamp_seconds{{{SCOPE}}})"
    state = " or ".join(
        f'(max by ({BY_PLAN}) ({PROTECTION}{{{SCOPE},state="{name}"}}) == 1) * {code}'
        for code, name in enumerate(STATES, start=1)
    )
    gateway = {"gateway": Label(name="gateway_id", width=95)}
    return (
        frame.board(
            "dbs-gateways",
            "DBS / Gateways and network",
            "Heartbeats of backup gateways, the plans behind them, and the networks DBS connects from.",
            since="now-24h",
            plan="none",
        )
        .with_row(Row("Gateways"))
        .with_panel(
            kit.rows(
                "Gateways",
                "Plans behind a gateway that is offline are not backed up. Those that are not online stand first.",
                {
                    "status": Column(query=_with_name(status_code()), mappings=kit.states(STATUS), width=110),
                    "name": Label(name="display_name", width=150),
                    **gateway,
                    "last heartbeat": Column(
                        query=_with_name(heartbeat) + " * 1000",
                        unit="dateTimeFromNow",
                        width=145,
                        blank="never",
                    ),
                    "plans": Column(
                        query=_with_name(f"max by ({GATEWAY}) (dbs_gateway_plans{{{SCOPE}}})"),
                        width=70,
                        blank="none",
                    ),
                    "region": Label(name="region", width=130),
                    "host": Label(name="hostname"),
                    "account": Label(name="account", width=90),
                },
                sort=[("status", True), ("last heartbeat", False)],
                height=9,
                no_value="No gateway",
            )
        )
        .with_panel(
            kit.timeline(
                "Status over time",
                "What DBS says of each gateway.",
                _with_name(status_code()),
                "{{display_name}} ({{gateway_id}})",
                STATUS,
                span=12,
                height=9,
            )
        )
        .with_panel(
            kit.lines(
                "Age of the heartbeat",
                "Time since a gateway last reported: more than five minutes is unusual, more than fifteen an outage. The longest silence stands first.",
                "s",
                (_with_name(f"time() - {heartbeat}"), "{{display_name}} ({{gateway_id}})"),
                steps=kit.thresholds((None, "transparent"), (300, kit.ORANGE), (900, kit.RED)),
            )
        )
        .with_panel(
            kit.rows(
                "Plans behind gateways",
                "What depends on which gateway; plans behind one that is not online stand first.",
                {
                    "gateway is": Column(
                        query=_behind(status_code()), mappings=kit.states(STATUS), width=110
                    ),
                    **gateway,
                    "plan is": Column(
                        query=_behind(f"max by ({GATEWAY}) (dbs_gateway_plans{{{SCOPE}}}) * 0")
                        + f" + on ({BY_PLAN}) group_left () ({state})",
                        mappings=kit.states(STATE_CODES),
                        width=110,
                    ),
                    **frame.WHOSE,
                    **frame.PLACE,
                },
                sort=[("gateway is", True), ("plan is", True)],
                height=9,
                no_value="No plan uses a gateway",
            )
        )
        .with_row(Row("Networks DBS connects from"))
        .with_panel(
            kit.rows(
                "Node networks",
                "What a database's allow list must hold (DescribeNodeCidrList).",
                {
                    "region": Label(name="region", width=180),
                    "network": Label(name="network", width=110),
                    "CIDR": Label(name="cidr"),
                    "account": Label(name="account", width=110),
                    "": Column(
                        query=f"max by (account, region, network, cidr) (dbs_node_cidr_info{{{SCOPE}}})",
                        hidden=True,
                    ),
                },
                sort=[("region", False), ("network", False)],
                span=10,
                height=12,
            )
        )
        .with_panel(
            kit.lines(
                "Networks that changed since a day ago",
                "Networks that DBS lists now and did not list a day ago may be missing in your allow list: its connections are refused. In all: how many it lists.",
                "suffix:networks",
                (f"count({NETWORKS})", "in all"),
                (_changed(f"{NETWORKS}", f"{NETWORKS} offset 1d"), "new: {{region}} {{network}}"),
                (_changed(f"{NETWORKS} offset 1d", f"{NETWORKS}"), "gone: {{region}} {{network}}"),
                colours={"in all": kit.GREY},
                span=14,
                height=12,
            )
        )
    )

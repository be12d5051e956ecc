"""Gateways and network: what stands between the databases and DBS."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import kit
from .kit import SCOPE

GATEWAY = "account, region, gateway_id"
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


def build() -> Dashboard:
    """The board dbs-gateways."""
    heartbeat = f"max by ({GATEWAY}) (dbs_gateway_last_heartbeat_timestamp_seconds{{{SCOPE}}})"
    return (
        kit.board(
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
                "Plans behind a gateway that is offline are not backed up.",
                [
                    ("status", _with_name(status_code()), "short"),
                    ("last heartbeat", _with_name(heartbeat) + " * 1000", "dateTimeFromNow"),
                    (
                        "plans behind it",
                        _with_name(f"max by ({GATEWAY}) (dbs_gateway_plans{{{SCOPE}}})"),
                        "short",
                    ),
                ],
                labels={
                    "gateway_id": "gateway",
                    "display_name": "name",
                    "hostname": "host",
                    "account": "account",
                    "region": "region",
                },
                colours={"status": kit.states(STATUS)},
                sort="status",
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
                "Seconds since a gateway last reported.",
                "s",
                (_with_name(f"time() - {heartbeat}"), "{{display_name}} ({{gateway_id}})"),
                steps=kit.thresholds((None, "transparent"), (300, kit.ORANGE), (900, kit.RED)),
                height=9,
            )
        )
        .with_row(Row("Networks DBS connects from"))
        .with_panel(
            kit.rows(
                "Node networks",
                "What a database's allow list must hold (DescribeNodeCidrList).",
                [
                    (
                        "listed",
                        f"max by (account, region, network, cidr) (dbs_node_cidr_info{{{SCOPE}}})",
                        "short",
                    )
                ],
                labels={"region": "region", "network": "network", "cidr": "CIDR", "account": "account"},
                hide=("Value",),
                sort="region",
                descending=False,
                span=12,
                height=10,
            )
        )
        .with_panel(
            kit.lines(
                "Networks listed, and changes",
                "How many networks DBS lists, and how many it did not list a day ago: a new one may need your allow list.",
                "short",
                (f"count by (region, network) (dbs_node_cidr_info{{{SCOPE}}})", "{{region}} {{network}}"),
                (
                    f"count by (region, network) (dbs_node_cidr_info{{{SCOPE}}} unless on (account, region, network, cidr) dbs_node_cidr_info{{{SCOPE}}} offset 1d)",
                    "new since yesterday: {{region}} {{network}}",
                ),
                height=10,
            )
        )
    )

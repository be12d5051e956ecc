"""The queries of committed boards with Grafana's variables filled in, for tests and the preview.

It reads the JSON, not the builders: what is proved is what is shipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent
DATA_SOURCE_INTERVAL = "15s"
"""What Grafana takes for the scrape interval of a data source that names none."""
EVERYTHING = dict.fromkeys(("account", "region", "plan", "owner", "database_type"), ".*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelQuery:
    """One target of one panel, ready for Prometheus."""

    board: str
    panel: str
    panel_id: int
    ref_id: str
    expression: str
    instant: bool
    interval_seconds: int | None
    """The panel's own minimal step, where it has one."""


def boards() -> dict[str, dict[str, Any]]:
    """Board name (file name without .json) -> its JSON."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def since_seconds(content: Mapping[str, Any]) -> float:
    """How far back a board looks unless told otherwise. Raises ValueError for a range that is not `now-…`."""
    found = re.fullmatch(r"now-(\d+)([smhd])", content["time"]["from"])
    if found is None:
        raise ValueError(f"cannot read the time range {content['time']['from']!r}; write now-30d")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def filled(expression: str, variables: Mapping[str, str], *, scraped_each: str = DATA_SOURCE_INTERVAL) -> str:
    """The expression as Grafana would send it for a range of few minutes; `scraped_each` is the target's, or else the data source's."""
    number, unit = int(scraped_each[:-1]), scraped_each[-1]
    values = {"__rate_interval": f"{4 * number}{unit}", "__range": "24h", "__interval": "1m", **variables}
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(f"${{{name}}}", values[name]).replace(f"${name}", values[name])
    return expression


def queries(
    board: str,
    content: Mapping[str, Any],
    variables: Mapping[str, str] = EVERYTHING,
) -> Iterator[PanelQuery]:
    """Every target of every panel of one board."""
    variables = {"__range": f"{since_seconds(content):.0f}s", **variables}
    for panel in content["panels"]:
        for target in panel.get("targets", []):
            yield PanelQuery(
                board=board,
                panel=panel["title"],
                panel_id=panel["id"],
                ref_id=target["refId"],
                expression=filled(
                    target["expr"], variables, scraped_each=target.get("interval", DATA_SOURCE_INTERVAL)
                ),
                instant=bool(target.get("instant")),
                interval_seconds={"1d": 86400}.get(panel.get("interval", "")),
            )

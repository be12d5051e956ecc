"""Write the dashboards: `python -m dashboards.source` from the project's root."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from . import calendar, capacity, compliance, exporter, fleet, frame, gateways, plan, restores

BOARDS: dict[str, Callable[[], Dashboard]] = {
    "fleet": fleet.build,
    "plan": plan.build,
    "calendar": calendar.build,
    "restores": restores.build,
    "gateways": gateways.build,
    "capacity": capacity.build,
    "compliance": compliance.build,
    "exporter": exporter.build,
}


def rendered() -> dict[str, str]:
    """File name -> JSON text of every board."""
    boards = {}
    for name, build in BOARDS.items():
        board = build().build()
        for number, panel in enumerate(board.panels or [], start=1):
            panel.id_val = number
        content = json.loads(JSONEncoder(sort_keys=True).encode(board))
        for variable in content["templating"]["list"]:
            # The library writes fields of interval variables into every variable.
            for field in ("auto", "auto_count", "auto_min"):
                variable.pop(field, None)
        for annotation in content["annotations"]["list"]:
            annotation.update(frame.EVENT_FIELDS[annotation["name"]])
        boards[f"{name}.json"] = json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    return boards


def main() -> int:
    """Write each board beside this package."""
    folder = Path(__file__).resolve().parent.parent
    for name, content in rendered().items():
        (folder / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

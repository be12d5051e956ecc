"""Ask a Prometheus what each panel asks, and let headless Chromium draw the boards.

python -m dashboards.preview.render --prometheus http://127.0.0.1:9090 --bundle preview.js --out docs/images
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from dashboards.source.queries import EVERYTHING, boards, queries

WIDTH = 1616
ROW = 36
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PAGE = """<!doctype html><meta charset="utf-8">
<style>body{margin:0;background:#111217}button{color:inherit;background:none;border:0;font:inherit;padding:0}</style>
<div id="root"></div><script>window.PREVIEW=%s</script><script>%s</script>
"""


def answers_of(
    board: str, content: Mapping[str, Any], prometheus: str, variables: Mapping[str, str], now: float
) -> tuple[dict[str, list[Any]], float]:
    """(panel id:ref id -> result of the query, seconds since the board's default range began)."""
    found = re.fullmatch(r"now-(\d+)([smhd])", content["time"]["from"])
    if found is None:
        raise SystemExit(f"{board}: cannot read the time range {content['time']['from']!r}")
    since = now - int(found[1]) * SPANS[found[2]]
    answers: dict[str, list[Any]] = {}
    for query in queries(board, content, variables):
        if query.instant:
            path, params = "query", {"query": query.expression, "time": now}
        else:
            step = query.interval_seconds or max(60, int((now - since) / 400))
            path = "query_range"
            params = {"query": query.expression, "start": since, "end": now, "step": step}
        answer = requests.post(f"{prometheus}/api/v1/{path}", data=params, timeout=60).json()
        if answer["status"] != "success":
            raise SystemExit(f"{board} / {query.panel}: {answer.get('error')}")
        answers[f"{query.panel_id}:{query.ref_id}"] = answer["data"]["result"]
    return answers, since


def draw(
    board: Mapping[str, Any], answers: Mapping[str, Any], since: float, now: float, script: str, out: Path
) -> None:
    """Write one picture; the page is a file, so nothing is served."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        content = json.dumps({"board": board, "answers": answers, "from": since * 1000, "to": now * 1000})
        page.write_text(
            PAGE % (content.replace("</", "<\\/"), script.replace("</script", "<\\/script")), encoding="utf-8"
        )
        subprocess.run(
            [
                shutil.which("chromium") or "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size={WIDTH},{bottom * ROW + 64}",
                "--virtual-time-budget=15000",
                f"--screenshot={out}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main(arguments: list[str] | None = None) -> int:
    """Draw every board, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plan", help="plan id for the board of one plan")
    parser.add_argument("boards", nargs="*")
    given = parser.parse_args(arguments)
    script = given.bundle.read_text(encoding="utf-8")
    now = time.time()
    for name, content in boards().items():
        if given.boards and name not in given.boards:
            continue
        variables = {**EVERYTHING, "plan": given.plan} if name == "plan" and given.plan else EVERYTHING
        answers, since = answers_of(name, content, given.prometheus, variables, now)
        draw(content, answers, since, now, script, given.out / f"board-{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())

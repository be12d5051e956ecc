"""Ask a Prometheus what each panel asks, and let headless Chromium draw the boards."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from dashboards.source.queries import EVERYTHING, FOLDER, boards, filled, queries, since_seconds

from .recorded import step_for

WIDTH = 1616
ROW, HEAD = 38, 72
"""Pixels of a row of Grafana's grid, and above the first one; as in preview.tsx."""
QUANTISE = Path(__file__).resolve().parent / "quantise.mjs"
MANIFEST = "boards.json"
"""Beside the pictures: what each was drawn of."""
PAGE = """<!doctype html><meta charset="utf-8">
<style>body{margin:0;background:#111217}</style>
<div id="root"></div><script>window.PREVIEW=%s</script><script>%s</script>
"""


def fingerprint(board: str) -> str:
    """What a picture is drawn of: the hash of the board's JSON."""
    return hashlib.sha256((FOLDER / f"{board}.json").read_bytes()).hexdigest()


def drawn(images: Path) -> dict[str, str]:
    """Board -> fingerprint of what its picture in this folder was drawn of."""
    manifest = images / MANIFEST
    found: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    return found


def answers_of(
    board: str, content: Mapping[str, Any], prometheus: str, variables: Mapping[str, str], now: float
) -> tuple[dict[str, list[Any]], float]:
    """(panel id:ref id -> result of the query, seconds since the board's default range began).

    As Grafana does, ranges begin and end at multiples of their step; the step is one at which the written past has samples.
    """
    reach = since_seconds(content)
    answers: dict[str, list[Any]] = {}
    for query in queries(board, content, variables):
        if query.instant:
            path, params = "query", {"query": query.expression, "time": now}
        else:
            step = query.interval_seconds or step_for(reach)
            start, end = ((now - reach) // step * step, now // step * step)
            path = "query_range"
            params = {"query": query.expression, "start": start, "end": end, "step": step}
        answer = requests.post(f"{prometheus}/api/v1/{path}", data=params, timeout=60).json()
        if answer["status"] != "success":
            raise SystemExit(f"{board} / {query.panel}: {answer.get('error')}")
        answers[f"{query.panel_id}:{query.ref_id}"] = answer["data"]["result"]
    return answers, now - reach


def events_of(
    content: Mapping[str, Any], prometheus: str, variables: Mapping[str, str], since: float, now: float
) -> list[dict[str, Any]]:
    """The annotations of a board as colours and moments in milliseconds; of what lasts, the moment at which it began."""
    found = []
    step = step_for(now - since)
    for annotation in content["annotations"]["list"]:
        params = {
            "query": filled(annotation["expr"], variables),
            "start": since // step * step,
            "end": now // step * step,
            "step": step,
        }
        answer = requests.post(f"{prometheus}/api/v1/query_range", data=params, timeout=60).json()
        series = [row["values"] for row in answer["data"]["result"]]
        if annotation.get("useValueForTime"):
            times = {float(value) for samples in series for _, value in samples}
        else:
            times = {samples[0][0] * 1000 for samples in series}
        found.append({"color": annotation["iconColor"], "times": sorted(times)})
    return found


def draw(
    board: Mapping[str, Any],
    answers: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    variables: Mapping[str, str],
    since: float,
    now: float,
    script: str,
    out: Path,
) -> None:
    """Write one picture; the page is a file, so nothing is served."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        content = json.dumps(
            {
                "board": board,
                "answers": answers,
                "events": list(events),
                "variables": dict(variables),
                "from": since * 1000,
                "to": now * 1000,
            }
        )
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
                f"--window-size={WIDTH},{bottom * ROW + HEAD + 4}",
                "--virtual-time-budget=15000",
                f"--screenshot={out}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def draw_boards(prometheus: str, bundle: Path, out: Path, names: Sequence[str], *, plan: str) -> None:
    """Write `board-NAME.png` of each of these boards, as of now, and note what they are of; `plan` is for the board of one plan."""
    script = bundle.read_text(encoding="utf-8")
    pictures = {name: out / f"board-{name}.png" for name in names}
    for name, picture in pictures.items():
        content = boards()[name]
        now = time.time()
        variables = {**EVERYTHING, "plan": plan} if name == "plan" else EVERYTHING
        answers, since = answers_of(name, content, prometheus, variables, now)
        events = events_of(content, prometheus, variables, since, now)
        draw(content, answers, events, variables, since, now, script, picture)
    subprocess.run(
        [shutil.which("node") or "node", str(QUANTISE), *(str(picture) for picture in pictures.values())],
        check=True,
        timeout=120,
    )
    noted = drawn(out) | {name: fingerprint(name) for name in names}
    (out / MANIFEST).write_text(json.dumps(noted, indent=2, sort_keys=True) + "\n", encoding="utf-8")

"""Photographs of the status page over a simulated fleet, for the README: `python -m tools.screenshots`.

It runs the exporter's own parts on the simulated cloud, waits until everything is read, and lets a real Chromium look.
Needs Debian's chromium and chromium-driver.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: [cn-hangzhou, cn-shanghai, ap-southeast-1]
    requests_per_second: 1000
    concurrency: 8
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
objectives:
  - plans: ["*"]
    restore_time: 4h
    restore_test_interval: 100d
"""


def main() -> None:
    """Make every image anew."""
    from support.chromium import chromium

    from dbs_exporter.clock import SystemClock
    from dbs_exporter.config.load import parse_config
    from dbs_exporter.exporter import Exporter
    from dbs_exporter.facts.full_backups import FULL_BACKUPS
    from dbs_exporter.facts.groups import Group
    from dbs_exporter.facts.log_backups import LOG_BACKUPS
    from dbs_exporter.facts.restore_ranges import RANGES
    from dbs_exporter.facts.restores import RESTORES
    from dbs_exporter.simulator import World, start_simulator
    from dbs_exporter.web.server import WebServer, bind

    clock = SystemClock()
    with start_simulator(World(seed=1, plans=40)) as simulator:
        exporter = Exporter(parse_config(CONFIG.format(url=simulator.url)), clock=clock)
        exporter.start()
        server = WebServer(exporter.app(), bind(["127.0.0.1:0"]))
        server.start()
        pause = threading.Event()
        shown: tuple[Group[Any], ...] = (FULL_BACKUPS, LOG_BACKUPS, RANGES, RESTORES)
        while exporter.missing() or any(
            subject.known(group).read_at is None
            for subject in exporter.store.plan_subjects()
            for group in shown
        ):
            pause.wait(0.1)
        with chromium() as browser:
            for name, width, height, dark, phone in (
                ("status", 1440, 1180, False, False),
                ("status-dark", 1440, 1180, True, False),
                ("status-phone", 390, 1400, False, True),
            ):
                browser.screen(width=width, height=height, dark=dark, phone=phone)
                browser.open(server.urls[0])
                if not browser.run("return document.querySelectorAll('.plans tbody tr').length"):
                    raise SystemExit("the page shows no plans; nothing was photographed")
                browser.photograph(IMAGES / f"{name}.png")
                sys.stdout.write(f"docs/images/{name}.png\n")
        server.stop()
        exporter.close()


if __name__ == "__main__":
    main()

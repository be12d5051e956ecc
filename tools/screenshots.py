"""Photographs of the status page over a simulated fleet, for the README: `python -m tools.screenshots`.

It runs the exporter's own parts on the simulated cloud, waits until everything is read, and lets a real Chromium look.
Needs Debian's chromium and chromium-driver.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

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
    from dbs_exporter.simulator import World, start_simulator
    from dbs_exporter.web.page.overview import Snapshot
    from dbs_exporter.web.routes import create_app
    from dbs_exporter.web.server import WebServer, bind

    clock = SystemClock()
    with start_simulator(World(seed=1, plans=40)) as simulator:
        exporter = Exporter(parse_config(CONFIG.format(url=simulator.url)), clock=clock)
        exporter.start()
        app = create_app(
            exposition=exporter.exposition,
            snapshot=lambda: Snapshot(
                plans=exporter.store.plan_subjects(),
                regions=exporter.store.region_subjects(),
                collectors=exporter.runs.states(),
            ),
            missing=exporter.runs.missing,
            clock=clock,
        )
        server = WebServer(app, bind(["127.0.0.1:0"]))
        server.start()
        pause = threading.Event()
        while exporter.runs.missing():
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

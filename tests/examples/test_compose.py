"""The compose file, started as it is by podman-compose: the services find each other, alerts arrive, nothing is left behind.

Prometheus and Alertmanager are this machine's own programs in stand-ins for their images, and Grafana is `grafana_stand_in`. An
image that is there already under the file's name is used as it is, and kept.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import yaml
from support.programs import impossible, path_of

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "examples" / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
BASE = "localhost/dbs-exporter-test-base"
TOOLS = (
    "buildah", "podman", "podman-compose", "aardvark-dns", "runc", "debootstrap",
    "prometheus", "promtool", "prometheus-alertmanager", "amtool",
)  # fmt: skip
PATIENCE_SECONDS = 300
HOUR = 3600.0
"""How long anything may take before a test gives up; no test depends on how long it does take."""
Answer = TypeVar("Answer")

# The same group as the image's tests: they share the base image, and two builds at once take longer than one after the other.
pytestmark = pytest.mark.xdist_group("image")


def ran(*command: str, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
        # Without systemd podman cannot time health checks; they are asked for below instead.
        env={
            **os.environ,
            "CONTAINERS_CONF": str(ROOT / ".ci" / "containers.conf"),
            "DISABLE_HC_SYSTEMD": "true",
            **environment,
        },
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def until(ask: Callable[[], Answer], good: Callable[[Answer], object]) -> Answer:
    """The first good answer, asked for again while there is none or a server is not yet there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        last: object
        try:
            answer = ask()
            if good(answer):
                return answer
            last = answer
        except requests.RequestException as error:
            last = error
        assert time.monotonic() < deadline, f"to the end: {last}"
        time.sleep(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One run of the compose file: its name and the ports on this machine, by service."""

    name: str
    ports: dict[str, int]

    def compose(self, *arguments: str) -> str:
        variables = {
            f"{service.removeprefix('dbs-').upper()}_PORT": str(port) for service, port in self.ports.items()
        }
        return ran(
            path_of("podman-compose") or "", "-f", str(FILE), "-p", self.name,
            f"--podman-build-args=--isolation=chroot --format=docker --build-arg=PYTHON_IMAGE={BASE}",
            # As strict as Docker, which gives a read-only container no /tmp by itself.
            "--podman-run-args=--read-only-tmpfs=false",
            *arguments, **variables,
        )  # fmt: skip

    def get(self, service: str, path: str) -> Any:
        response = requests.get(f"http://127.0.0.1:{self.ports[service]}{path}", timeout=10)
        response.raise_for_status()
        return response.json()

    def containers(self) -> dict[str, dict[str, Any]]:
        """What podman knows of each service's container."""
        return {
            service: json.loads(ran("podman", "inspect", f"{self.name}_{service}_1"))[0]
            for service in SERVICES
        }

    def left(self) -> list[str]:
        """The names of its pods, containers, networks and volumes."""
        listed = [
            ran("podman", *listing, "--format", "{{.Name}}").split()
            for listing in (("pod", "ps"), ("network", "ls"), ("volume", "ls"))
        ]
        listed.append(ran("podman", "ps", "--all", "--format", "{{.Names}}").split())
        return [name for names in listed for name in names if self.name in name]


def project(name: str) -> Project:
    """A project of this process, on free ports."""
    probes = {service: socket.socket() for service in SERVICES}
    for probe in probes.values():
        probe.bind(("127.0.0.1", 0))
    ports = {service: int(probe.getsockname()[1]) for service, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return Project(name=f"dbs-compose-{name}-{os.getpid()}", ports=ports)


@contextmanager
def up(name: str) -> Iterator[Project]:
    """The whole file, up; then down, with its volumes."""
    compose_project = project(name)
    try:
        compose_project.compose("up", "--detach")
        yield compose_project
    except AssertionError:
        print(compose_project.compose("logs", "--tail", "20"))
        compose_project.compose(
            "stop", "--timeout", "5"
        )  # what is restarted again and again would hold its volume
        raise
    finally:
        compose_project.compose("down", "--volumes", "--timeout", "5")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """What an image is made of: a base, copied programs and their files, the folder that the user owns, what is started."""

    copied: dict[str, str]
    owned: str
    user: int
    entry: tuple[str, ...]
    base: str = BASE

    def commit(self, image: str) -> None:
        container = ran("buildah", "from", "--pull-never", self.base).strip()
        for source, target in self.copied.items():
            ran("buildah", "copy", "--quiet", container, path_of(source) or source, target)
        own = f"import os; os.makedirs('{self.owned}'); os.chown('{self.owned}', {self.user}, 0)"
        ran(
            "buildah", "run", "--isolation", "chroot", "--user", "root", container, "--", "python3", "-c", own
        )
        ran(
            "buildah", "config", "--volume", self.owned, "--workingdir", self.owned, "--user", str(self.user),
            "--entrypoint", json.dumps(self.entry), "--cmd", "", "--healthcheck", "NONE", container,
        )  # fmt: skip
        ran("buildah", "commit", "--quiet", "--disable-compression", "--rm", container, image)


READY = {
    "dbs-exporter": "/-/ready",
    "prometheus": "/-/ready",
    "alertmanager": "/-/ready",
    "grafana": "/api/health",
}
STAND_INS = {
    "prometheus": StandIn(
        copied={"prometheus": "/bin/prometheus", "promtool": "/bin/promtool"},
        owned="/prometheus",
        user=65534,
        entry=("/bin/prometheus",),
    ),
    "alertmanager": StandIn(
        copied={
            "prometheus-alertmanager": "/bin/alertmanager",
            "amtool": "/bin/amtool",
            # Debian's program does not carry its templates within itself.
            "/usr/share/prometheus/alertmanager": "/usr/share/prometheus/alertmanager",
        },
        owned="/alertmanager",
        user=65534,
        entry=("/bin/alertmanager",),
    ),
    "grafana": StandIn(
        copied={str(ROOT / "tests" / "support" / "grafana_stand_in.py"): "/grafana.py"},
        owned="/var/lib/grafana",
        user=472,
        entry=("/app/bin/python", "/grafana.py"),
        base=SERVICES["dbs-exporter"]["image"],
    ),
}


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else uses the file's names for images meanwhile, neither another worker nor another run on this machine."""
    with (Path(tempfile.gettempdir()) / "dbs-exporter-test-compose.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def images() -> Iterator[None]:
    """The images that the file names: the exporter's, built from this checkout as the file says, and stand-ins for the others."""
    absent = [tool for tool in TOOLS if path_of(tool) is None]
    if absent or os.geteuid() != 0:
        impossible(
            f"starting the compose file needs root and {', '.join(TOOLS)}; missing: {', '.join(absent) or 'root'}: make tools"
        )
    with alone():
        ran(str(ROOT / ".ci" / "base-image"), BASE)
        project("build").compose("build")
        stood_in = []
        try:
            for service, image in STAND_INS.items():
                name = SERVICES[service]["image"]
                if (
                    subprocess.run(["podman", "image", "exists", name], check=False, timeout=60).returncode
                    != 0
                ):
                    image.commit(name)
                    stood_in.append(name)
            yield
        finally:
            # Nobody shall take a stand-in for the real one.
            for name in stood_in:
                ran("podman", "image", "rm", name)


@pytest.fixture(scope="module")
def running(images: None) -> Iterator[Project]:
    """The file, up and each server ready."""
    with up("run") as compose_project:
        for service, path in READY.items():
            url = f"http://127.0.0.1:{compose_project.ports[service]}{path}"
            until(partial(requests.get, url, timeout=5), lambda response: response.status_code == 200)
        yield compose_project
    assert compose_project.left() == []


def test_prometheus_scrapes_the_demo_and_evaluates_every_rule(running: Project) -> None:
    """The exporter is a target that is up, each group of the rules is loaded, and those that are evaluated by now work."""
    (target,) = until(
        lambda: running.get("prometheus", "/api/v1/targets")["data"]["activeTargets"],
        lambda targets: {target["health"] for target in targets} == {"up"},
    )
    groups = until(
        lambda: running.get("prometheus", "/api/v1/rules")["data"]["groups"],
        lambda groups: (
            "unknown"
            not in {rule["health"] for group in groups for rule in group["rules"] if group["interval"] < HOUR}
        ),
    )
    written = [
        group["name"]
        for path in sorted((ROOT / "rules").glob("*.rules.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]

    assert target["scrapeUrl"] == "http://dbs-exporter:10033/metrics"
    assert sorted(group["name"] for group in groups) == sorted(written)
    assert [
        rule for group in groups for rule in group["rules"] if rule["health"] not in ("ok", "unknown")
    ] == []
    assert [group["name"] for group in groups if group["interval"] >= HOUR] == ["dbs-compliance"]


def test_an_incident_of_the_demo_arrives_at_alertmanager(running: Project) -> None:
    """Prometheus has found Alertmanager, and a plan without a recent backup is there, for the pager, with a way back to its query."""
    alerts = until(
        lambda: running.get("alertmanager", "/api/v2/alerts?filter=alertname=DBSFullBackupOverdue"), bool
    )
    known = running.get("prometheus", "/api/v1/alertmanagers")["data"]

    assert [server["url"] for server in known["activeAlertmanagers"]] == [
        "http://alertmanager:9093/api/v2/alerts"
    ]
    assert known["droppedAlertmanagers"] == []
    assert {receiver["name"] for alert in alerts for receiver in alert["receivers"]} == {"databases-pager"}
    for alert in alerts:
        assert alert["generatorURL"].startswith(f"http://localhost:{running.ports['prometheus']}/graph")


def test_grafana_is_given_the_boards_and_the_data_source(running: Project) -> None:
    """Every board is found, and nothing that is none; the fleet is home; the provisioned data source reaches Prometheus."""
    boards = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "dashboards").glob("*.json"))
    ]
    found = running.get("grafana", "/api/search?tag=dbs-exporter")
    up_now = until(
        lambda: running.get("grafana", "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up")["data"],
        lambda data: data["result"],
    )

    assert sorted(board["uid"] for board in found) == sorted(board["uid"] for board in boards)
    assert {board["folderTitle"] for board in found} == {"DBS"}
    assert running.get("grafana", "/api/dashboards/home")["dashboard"]["uid"] == "dbs-fleet"
    assert [series["metric"]["job"] for series in up_now["result"]] == ["dbs-exporter"]


@pytest.mark.parametrize("service", ["dbs-exporter", "prometheus", "alertmanager"])
def test_the_health_checks_pass(running: Project, service: str) -> None:
    """What the file, or the image, asks a service is answered; Grafana's is for a program that the stand-in lacks."""
    said = ran("podman", "healthcheck", "run", f"{running.name}_{service}_1")

    assert "unhealthy" not in said


def test_no_container_has_a_right(running: Project) -> None:
    """None can write to its own files, is root, has or gains a capability, or listens anywhere on this machine but on loopback."""
    for service, container in running.containers().items():
        host = container["HostConfig"]
        bindings = [binding for ports in host["PortBindings"].values() for binding in ports or ()]

        assert host["ReadonlyRootfs"], service
        assert container["EffectiveCaps"] in (None, []), service
        assert container["BoundingCaps"] in (None, []), service
        assert "no-new-privileges" in " ".join(host["SecurityOpt"]), service
        assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}, service
        assert container["Config"]["User"] not in ("", "0", "root"), service


def test_what_is_written_is_in_volumes_of_the_project(running: Project) -> None:
    """All that a container writes goes to a named volume; whatever else it mounts is read-only."""
    mounts = [mount for container in running.containers().values() for mount in container["Mounts"]]
    volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}

    assert volumes == {
        f"{running.name}_{name}" for name in ("exporter", "prometheus", "alertmanager", "grafana")
    }
    assert [mount["Source"] for mount in mounts if mount["Type"] == "bind" and mount["RW"]] == []


def test_down_leaves_nothing_behind(images: None) -> None:
    """After `down --volumes` no container, pod, network or volume of the project is left."""
    with up("down") as compose_project:
        assert len(compose_project.left()) >= len(SERVICES)

    assert compose_project.left() == []

"""The container image: built by buildah on a stand-in base, run hardened by podman, scraped and stopped."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from support.certificates import Authority
from support.chart_rendering import one, pod, template

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = "localhost/dbs-exporter-test-base"
IMAGE = "localhost/dbs-exporter:test"
STATE = "/var/lib/dbs-exporter"
HARDENED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges", "--memory=128m",
)  # fmt: skip
TOOLS = ("buildah", "podman", "runc", "debootstrap")

pytestmark = pytest.mark.xdist_group("image")


def ran(*command: str, timeout: float = 600, **more: str) -> str:
    """Standard output of a command that must succeed."""
    environment = {**os.environ, "CONTAINERS_CONF": str(ROOT / ".ci" / "containers.conf"), **more}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def image() -> str:
    """The image, built from this checkout."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent or os.geteuid() != 0:
        reason = (
            f"building an image needs root and {', '.join(TOOLS)}; missing: {', '.join(absent) or 'root'}"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}: make tools")
        pytest.skip(reason)
    ran(str(ROOT / ".ci" / "base-image"), BASE)
    ran(
        "buildah", "bud", "--isolation", "chroot", "--format", "docker", "--pull-never",
        "--build-arg", f"PYTHON_IMAGE={BASE}", "--build-arg", "REVISION=abc123", "--build-arg", "VERSION=1.2.3",
        "-t", IMAGE, ".",
    )  # fmt: skip
    return IMAGE


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, seconds: float = 60) -> requests.Response:
    """The first 200 of a URL, asked again until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            response = requests.get(url, timeout=5)
            if response.status_code == 200 or time.monotonic() > deadline:
                return response
        except requests.ConnectionError:
            assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.1)


@contextmanager
def demo(image: str, *options: str, arguments: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    """The demo in a container without any right: (container id, port)."""
    port = free_port()
    container = ran(
        "podman", "run", "--detach", "--no-healthcheck", *HARDENED, "--publish", f"127.0.0.1:{port}:10033", *options,
        image, "demo", "--web.listen-address=:10033", *arguments,
    ).strip()  # fmt: skip
    try:
        yield container, port
    finally:
        subprocess.run(
            ["podman", "rm", "--force", "--time=2", container], capture_output=True, check=False, timeout=60
        )


@pytest.fixture
def running(image: str) -> Iterator[tuple[str, int]]:
    """The demo as it is, with nothing to write to."""
    with demo(image) as container_and_port:
        yield container_and_port


@pytest.fixture
def volume() -> Iterator[str]:
    """The name of a new volume."""
    name = f"dbs-exporter-test-{os.getpid()}"
    try:
        yield name
    finally:
        subprocess.run(
            ["podman", "volume", "rm", "--force", name], capture_output=True, check=False, timeout=60
        )


def test_the_demo_runs_without_any_right_and_is_scraped(running: tuple[str, int]) -> None:
    """Nothing to write to, no capabilities, no new privileges, 128 MiB: the demo fills /metrics and its own health check passes."""
    container, port = running
    ready = answers(f"http://127.0.0.1:{port}/-/ready")
    page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)

    assert ready.status_code == 200
    assert "dbs_plan_info{" in page.text
    assert 'revision="abc123"' in page.text
    assert ran("podman", "exec", container, "/app/bin/dbs-exporter", "healthcheck") is not None


def test_sigterm_ends_it_in_under_two_seconds(running: tuple[str, int]) -> None:
    """As process 1 it ends on SIGTERM by itself, with code 0 and as fast as documented, from signal to exit, podman left out."""
    container, port = running
    assert answers(f"http://127.0.0.1:{port}/-/ready").status_code == 200
    process = os.pidfd_open(json.loads(ran("podman", "inspect", container))[0]["State"]["Pid"])
    ended = select.poll()
    ended.register(process, select.POLLIN)
    signal.pidfd_send_signal(process, signal.SIGTERM)

    assert ended.poll(2000), "still runs"
    os.close(process)
    assert ran("podman", "wait", container).strip() == "0"


def test_the_image_is_what_it_should_be(image: str) -> None:
    """Numeric user without rights, entry point without a shell, health check, labels, nothing of the build left, small."""
    config = json.loads(ran("buildah", "inspect", "--type", "image", image))["Docker"]["config"]

    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/app/bin/dbs-exporter"]
    assert config["Cmd"] == ["run", f"--storage.path={STATE}"]
    # What is run by hand in a container finds the configuration, too.
    assert "DBS_EXPORTER_CONFIG_FILE=/etc/dbs-exporter/dbs-exporter.yml" in config["Env"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/app/bin/dbs-exporter", "healthcheck"]
    assert config["Labels"] == {
        **config["Labels"],
        "org.opencontainers.image.title": "dbs-exporter",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.source": "https://github.com/dbs-exporter/dbs-exporter",
        "org.opencontainers.image.version": "1.2.3",
        "org.opencontainers.image.revision": "abc123",
    }
    size = re.search(
        r"The image has about (\d+) MB", (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    )
    assert size
    measured = int(ran("podman", "image", "inspect", "--format", "{{.Size}}", image))
    assert measured / 1e6 == pytest.approx(int(size[1]), rel=0.15)


def test_the_image_holds_nothing_to_work_with_for_an_intruder(image: str) -> None:
    """No shell, no package manager, no pip, nothing of the build, and of the user's only the state and /tmp."""
    program = (
        "import json, os\n"
        "walk = [(f, d, n) for f, d, n in os.walk('/') if not f.startswith(('/proc', '/sys', '/dev', '/run'))]\n"
        "own = [f for f, _, _ in walk if os.stat(f).st_uid == 65532 or os.stat(f).st_mode & 2]\n"
        "print(json.dumps([[n for _, _, ns in walk for n in ns], sorted(own), os.listdir('/')]))\n"
    )
    names, own, top = json.loads(
        ran(
            "podman",
            "run",
            "--rm",
            "--no-healthcheck",
            "--entrypoint",
            "/app/bin/python",
            image,
            "-c",
            program,
        )
    )

    assert not {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "uv", "ensurepip"} & set(
        names
    )
    assert not {"src", "build", "dist", "root", "root-fs", "state"} & set(top)
    assert own == ["/tmp", STATE]
    assert "libssl3t64" in names, "scanners do not see what is of Debian"


def test_a_mounted_bundle_of_authorities_takes_the_place_of_the_images_own(
    image: str, tmp_path: Path
) -> None:
    """Python trusts the usual authorities, and those of a file mounted over the image's, alone."""
    own = Authority(tmp_path).file
    inside = "/etc/ssl/certs/ca-certificates.crt"
    program = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"

    def trusted(*options: str) -> int:
        command = ("podman", "run", "--rm", "--no-healthcheck", *options, "--entrypoint", "/app/bin/python")
        return int(ran(*command, image, "-c", program))

    assert trusted() > 100
    assert trusted("--volume", f"{own}:{inside}:ro") == 1


def test_a_check_by_hand_finds_the_configuration_and_its_secret(image: str, tmp_path: Path) -> None:
    """As docs/install.md has it: `check` names no file, and the image's user reads a secret that is nobody else's."""
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert "docker run --rm -v /etc/dbs-exporter:/etc/dbs-exporter:ro dbs-exporter check\n" in page
    (configuration,) = re.findall(r"^```yaml\n(accounts:.*?)^```", page, re.MULTILINE | re.DOTALL)
    tmp_path.chmod(0o755)
    (tmp_path / "dbs-exporter.yml").write_text(configuration, encoding="utf-8")
    secret = tmp_path / "access_key_secret"
    secret.write_text("secret\n", encoding="utf-8")
    secret.chmod(0o400)
    os.chown(secret, 65532, 65532)

    said = ran(
        "podman", "run", "--rm", *HARDENED, "--volume", f"{tmp_path}:/etc/dbs-exporter:ro", image, "check", "--offline",
    )  # fmt: skip
    assert "valid; 1 account" in said


def until(ask: Callable[[], str], wanted: str) -> None:
    """Ask again until the answer holds what is wanted."""
    deadline = time.monotonic() + 60
    while wanted not in (answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def metrics(port: int) -> str:
    """What a scrape gets."""
    return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text


def test_the_state_lies_in_a_volume_and_the_next_container_takes_it_up(image: str, volume: str) -> None:
    """A new volume is the user's, who writes to it without any right, on a read-only root; nothing there is set aside later."""
    names = {"state.db", "state.db-journal", "state.lock"}
    for _ in range(2):
        with demo(image, "--volume", f"{volume}:{STATE}", arguments=(f"--storage.path={STATE}",)) as (
            container,
            port,
        ):
            assert answers(f"http://127.0.0.1:{port}/-/ready").status_code == 200
            inside = ("podman", "exec", container)
            until(
                partial(ran, *inside, "/app/bin/dbs-exporter", "state", f"--storage.path={STATE}"),
                "cn-hangzhou",
            )
            program = f"import os; print(os.stat('{STATE}').st_uid, *os.listdir('{STATE}'))"
            user, *found = ran(*inside, "/app/bin/python", "-c", program).split()

            assert user == "65532"
            assert set(found) | {"state.db-journal"} == names
            assert "dbs_exporter_state_last_write_successful 1.0\n" in metrics(port)


def test_on_a_read_only_root_without_a_volume_it_goes_on_in_memory(image: str) -> None:
    """It serves, and says in metric and log that the state cannot be written."""
    with demo(image, arguments=(f"--storage.path={STATE}",)) as (container, port):
        assert answers(f"http://127.0.0.1:{port}/-/ready").status_code == 200
        until(partial(metrics, port), "dbs_exporter_state_last_write_successful 0.0\n")
        logged = subprocess.run(
            ["podman", "logs", container], capture_output=True, text=True, check=True, timeout=60
        )

        assert STATE in logged.stderr


def test_the_build_context_is_what_the_dockerfile_copies() -> None:
    """Nothing but the sources of COPY leaves .dockerignore, so no secret of a checkout can come into the image."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in re.findall(
            r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
        )
        for source in line.split()
    }

    assert "*" in ignore
    assert let_in == copied


@contextmanager
def played(values: dict[str, Any], tmp_path: Path) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The chart's pod, started by `podman kube play`: (its port on this machine, all that the chart rendered)."""
    port = free_port()
    own = {"registry": "localhost", "repository": "dbs-exporter", "tag": "test", "pullPolicy": "Never"}
    documents = template({**values, "image": own})
    spec = pod(documents)["spec"]
    spec["containers"][0]["ports"][0] |= {"hostPort": port, "hostIP": "127.0.0.1"}
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        # podman runs probes through systemd timers, which a build machine lacks; they are asked below instead.
        spec["containers"][0].pop(probe)
    wanted = [
        document
        for document in documents
        if document["kind"] in {"ConfigMap", "Deployment", "PersistentVolumeClaim"}
    ]
    play = tmp_path / "pod.yaml"
    play.write_text(yaml.safe_dump_all(wanted), encoding="utf-8")
    # A ConfigMap or a claim stays, as a volume; one that a run left that was killed would be in the way.
    names = {document["metadata"]["name"] for document in wanted}
    clearing = (
        ("podman", "kube", "down", str(play)),
        *(("podman", "volume", "rm", "--force", name) for name in names),
    )
    try:
        for command in clearing:
            subprocess.run(command, capture_output=True, check=False, timeout=120)
        ran("podman", "kube", "play", str(play))
        yield port, documents
    finally:
        for command in clearing:
            subprocess.run(command, capture_output=True, check=False, timeout=120)


def test_the_charts_pod_writes_to_its_claim(image: str, tmp_path: Path) -> None:
    """With persistence the pod writes the state to the volume of its claim."""
    assert image == IMAGE
    with played({"demo": True, "persistence": {"enabled": True}}, tmp_path) as (port, documents):
        claim = one(documents, "PersistentVolumeClaim")["metadata"]["name"]
        assert answers(f"http://127.0.0.1:{port}/-/ready").status_code == 200
        until(partial(metrics, port), "dbs_exporter_state_last_write_successful 1.0\n")
        folder = ran("podman", "volume", "inspect", "--format", "{{.Mountpoint}}", claim).strip()

        assert (Path(folder) / "state.db").stat().st_size > 0


def test_the_charts_pod_runs_and_its_test_passes(image: str, tmp_path: Path) -> None:
    """What the chart renders in demo mode answers as its probes ask, and to what its `helm test` pod asks."""
    assert image == IMAGE
    with played({"demo": True}, tmp_path) as (port, documents):
        healthy = answers(f"http://127.0.0.1:{port}/-/healthy")
        ready = answers(f"http://127.0.0.1:{port}/-/ready")
        page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        scrape = one(documents, "Pod")["spec"]["containers"][0]
        program, way, url, *wanted = scrape["args"]
        (path,) = re.findall(r"^http://rel-dbs-exporter\.monitoring:10033(/.*)$", url)
        command = [
            "podman",
            "run",
            "--rm",
            "--no-healthcheck",
            "--network=host",
            "--entrypoint",
            json.dumps(scrape["command"]),
        ]

        assert healthy.status_code == ready.status_code == 200
        assert "dbs_plan_info{" in page.text
        assert "series" in ran(*command, image, program, way, f"http://127.0.0.1:{port}{path}", *wanted)
        with pytest.raises(AssertionError, match="none of dbs_exporter_build_info"):
            ran(*command, image, program, way, f"http://127.0.0.1:{port}/-/healthy", *wanted)


def test_the_charts_pod_reads_its_configuration_and_reloads_it(image: str, tmp_path: Path) -> None:
    """The ConfigMap is readable without any right, and POST /-/reload works where the chart enables it."""
    assert image == IMAGE
    account = {
        "name": "nowhere",
        "regions": ["cn-hangzhou"],
        "endpoint": "http://127.0.0.1:9",
        "credentials": {"type": "access_key", "access_key_id": "${ID}", "access_key_secret": "${SECRET}"},
    }
    values = {
        "config": {"accounts": [account]},
        "lifecycle": {"enabled": True},
        "extraEnv": [{"name": "ID", "value": "id"}, {"name": "SECRET", "value": "secret"}],
    }
    with played(values, tmp_path) as (port, _):
        healthy = answers(f"http://127.0.0.1:{port}/-/healthy")
        reloaded = requests.post(f"http://127.0.0.1:{port}/-/reload", timeout=10)

        assert healthy.status_code == 200
        assert (reloaded.status_code, reloaded.text) == (200, "reloaded\n")


def test_the_dockerfile_is_linted() -> None:
    """Nothing is left to say by hadolint."""
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        if os.environ.get("CI") == "true":
            pytest.fail("hadolint is missing: make tools")
        pytest.skip("hadolint is not installed: make tools")
    done = subprocess.run(
        [hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout == ""
    assert done.returncode == 0

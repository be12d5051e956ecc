"""The exporter on a network that is shared: a real Prometheus, openssl and curl's place taken by `healthcheck`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from support.certificates import Authority
from support.command_line import invoke
from support.exporter_process import exporter, run_flags, write_config

from dbs_exporter.simulator import World, start_simulator

HTTPS = r"msg=listening .*address=https://127\.0\.0\.1:(\d+)"
HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
AUTHENTICATED = f"basic_auth_users: {{prometheus: {HASH}}}\n"
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
MUTUAL = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
TRUST = {"ca_file": "ca.crt", "server_name": "localhost"}


def tool(name: str) -> str:
    """Return the path of a program; without it the test is skipped, but fails under CI."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must have it")
        pytest.skip(f"{name} is not installed")
    return path


@contextlib.contextmanager
def serving(authority: Authority, text: str) -> Iterator[tuple[int, Path]]:
    """An exporter of a small cloud with this web configuration: its port, and the file."""
    authority.issue("exporter", as_name="server")
    file = authority.folder / "web.yml"
    file.write_text(text)
    with (
        start_simulator(World(plans=10)) as cloud,
        exporter(*run_flags(write_config(authority.folder, cloud), f"--web.config.file={file}")) as process,
    ):
        yield int(process.until(HTTPS)[1]), file
        assert process.stop() == 0
        assert "Traceback" not in process.everything_said()


@contextlib.contextmanager
def scraping(folder: Path, port: int, **jobs: dict[str, Any]) -> Iterator[str]:
    """A Prometheus that scrapes the exporter by several jobs; gives its address."""
    program = tool("prometheus")
    common = {
        "scheme": "https",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    config = folder / "prometheus.yml"
    config.write_text(
        json.dumps({"scrape_configs": [{"job_name": n, **common, **j} for n, j in jobs.items()]})
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        own = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{own}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def ups(address: str, jobs: int) -> dict[str, tuple[str, str]]:
    """Job -> (health, last error) of each target, once all have been scraped."""
    pause = threading.Event()
    for _ in range(600):
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            with urllib.request.urlopen(f"{address}/api/v1/targets") as answer:
                targets = json.load(answer)["data"]["activeTargets"]
            found = {
                each["labels"]["job"]: (each["health"], each["lastError"])
                for each in targets
                if each["health"] != "unknown"
            }
            if len(found) == jobs:
                return found
        pause.wait(0.1)
    raise AssertionError("Prometheus has not scraped all of its targets")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs everything."""
    return Authority(tmp_path)


def test_a_real_prometheus_scrapes_with_tls_and_a_password(authority: Authority) -> None:
    """With a wrong password, without one, or without trust it does not."""
    right = {"username": "prometheus", "password": "secret"}
    with (
        serving(authority, TLS + AUTHENTICATED) as (port, _),
        scraping(
            authority.folder,
            port,
            right={"tls_config": TRUST, "basic_auth": right},
            wrong={"tls_config": TRUST, "basic_auth": {**right, "password": "Secret"}},
            without={"tls_config": TRUST},
            distrustful={"basic_auth": right},
        ) as prometheus,
    ):
        found = ups(prometheus, 4)

    assert found["right"] == ("up", "")
    assert [found[job][0] for job in ("wrong", "without", "distrustful")] == ["down"] * 3
    assert "401" in found["wrong"][1]
    assert "401" in found["without"][1]
    assert "unknown authority" in found["distrustful"][1]


def test_a_real_prometheus_scrapes_with_a_certificate_of_its_own(authority: Authority) -> None:
    """Without that it does not."""
    authority.issue("prometheus")
    own = {"cert_file": "prometheus.crt", "key_file": "prometheus.key"}
    with (
        serving(authority, TLS + MUTUAL) as (port, _),
        scraping(
            authority.folder, port, right={"tls_config": {**TRUST, **own}}, without={"tls_config": TRUST}
        ) as prometheus,
    ):
        found = ups(prometheus, 2)

    assert found["right"] == ("up", "")
    assert found["without"][0] == "down"


@pytest.mark.parametrize(
    ("version", "spoken"), [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]
)
def test_openssl_sees_no_old_protocol(authority: Authority, version: str, spoken: bool) -> None:
    """Even where openssl itself would speak it."""
    program = tool("openssl")
    with serving(authority, TLS) as (port, _):
        done = subprocess.run(
            [program, "s_client", "-connect", f"127.0.0.1:{port}", version, "-cipher", "ALL:@SECLEVEL=0"],
            input=b"",
            capture_output=True,
            check=False,
            timeout=60,
        )
    said = (done.stdout + done.stderr).decode()

    assert ("Cipher is (NONE)" not in said and "BEGIN CERTIFICATE" in said) is spoken, said


def test_healthcheck_works_with_tls_users_and_demanded_certificates(authority: Authority) -> None:
    """It has no password and needs none; who demands a certificate that it lacks is healthy by saying so."""
    with serving(authority, TLS + AUTHENTICATED) as (port, file):
        flags = (f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={file}")
        healthy = invoke("healthcheck", *flags)
        by_variable = invoke("healthcheck", flags[0], DBS_EXPORTER_WEB_CONFIG_FILE=str(file))
        blind = invoke("healthcheck", flags[0])
    with serving(authority, TLS + MUTUAL) as (port, file):
        flags = (f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={file}")
        demanding = invoke("healthcheck", *flags)
        (authority.folder / "elsewhere").mkdir()
        stranger = Authority(authority.folder / "elsewhere", "stranger")
        stranger.issue("exporter")
        other = stranger.folder / "web.yml"
        other.write_text(
            file.read_text().replace("server.", "exporter.").replace("ca.crt", str(stranger.file))
        )
        refused = invoke("healthcheck", flags[0], f"--web.config.file={other}")
        unready = invoke("healthcheck", flags[0], f"--web.config.file={other}", "--ready")

    assert (healthy.exit_code, healthy.output) == (0, "healthy\n")
    assert by_variable.exit_code == 0
    assert blind.exit_code == 4
    assert (demanding.exit_code, demanding.output) == (0, "healthy\n")
    assert (refused.exit_code, refused.output) == (0, "healthy: it demands a certificate\n")
    assert unready.exit_code == 4
    assert "demands a certificate of clients" in unready.output

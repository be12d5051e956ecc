"""The chart's pod as processes of this machine: what it renders starts, and its probes and test pod are answered."""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from support.certificates import Authority
from support.chart_rendering import CHART, container, one, template, ways
from support.command_line import invoke
from support.exporter_process import exporter, run_flags, write_config

from dbs_exporter.simulator import World, start_simulator

LISTENING = r"msg=listening .*address=https?://127\.0\.0\.1:(\d+)"
USERS = {"basic_auth_users": {"prometheus": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()}}
DEMANDS = {"tls_server_config": {"client_auth_type": "RequireAndVerifyClientCert"}}
KEPT = ("--web.config.file=", "--web.external-url=", "--web.route-prefix=")


def scraped(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The test pod's program with some arguments."""
    program = (CHART / "files" / "scrape.py").read_text(encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=90
    )


@pytest.mark.parametrize(
    ("web", "says"),
    [
        ({"externalUrl": "https://ops.example/dbs/"}, r"/dbs/metrics: \d+ series"),
        ({"certificateSecret": "tls", "config": USERS}, "asks for a password"),
        ({"certificateSecret": "tls", "config": DEMANDS}, ""),
    ],
    ids=["path", "password", "certificate"],
)
def test_what_asks_the_pod_is_answered(web: dict[str, Any], says: str, tmp_path: Path) -> None:
    """With a path, with TLS and a password, and with certificates demanded, liveness and the test pod's scrape succeed."""
    values = {**ways("account"), "web": web}
    documents = template(values)
    Authority(tmp_path).issue("exporter", as_name="tls")

    def here(text: str) -> str:
        return text.replace("/etc/dbs-exporter-web/", f"{tmp_path}/").replace(
            "/etc/dbs-exporter-tls/", f"{tmp_path}/"
        )

    for document in documents:
        if document["kind"] == "Secret":
            file = here(base64.b64decode(document["data"]["web.yml"]).decode())
            (tmp_path / "web.yml").write_text(file, encoding="utf-8")
    flags = [here(arg) for arg in container(documents)["args"] if arg.startswith(KEPT)]
    probe = container(documents)["livenessProbe"]
    asks, url, *wanted = one(documents, "Pod")["spec"]["containers"][0]["args"][1:]
    with (
        start_simulator(World(plans=3)) as cloud,
        exporter(*run_flags(write_config(tmp_path, cloud), *flags)) as process,
    ):
        port = process.until(LISTENING)[1]
        if "exec" in probe:
            _, *command = (
                here(text).replace(":10033", f"127.0.0.1:{port}") for text in probe["exec"]["command"]
            )
            alive = invoke(*command).exit_code == 0
        else:
            scheme = probe["httpGet"].get("scheme", "HTTP").lower()
            address = f"{scheme}://127.0.0.1:{port}{probe['httpGet']['path']}"
            trusting = ssl._create_unverified_context()
            alive = urllib.request.urlopen(address, context=trusting, timeout=30).status == 200
        done = scraped(asks, re.sub("//[^/]+", f"//127.0.0.1:{port}", url), *wanted)
        assert process.stop() == 0

    assert alive
    assert done.returncode == 0, done.stderr
    assert re.search(says, done.stdout)


def test_the_test_pod_finds_what_is_wrong(tmp_path: Path) -> None:
    """Plain HTTP where certificates should be demanded, and series that are not there, end it with a sentence."""
    with (
        start_simulator(World(plans=3)) as cloud,
        exporter(*run_flags(write_config(tmp_path, cloud))) as process,
    ):
        port = process.until(LISTENING)[1]
        plain = scraped("certificate", f"https://127.0.0.1:{port}/metrics")
        absent = scraped("open", f"http://127.0.0.1:{port}/metrics", "dbs_exporter_build_info", "dbs_no_such")
        assert process.stop() == 0

    assert (plain.returncode, absent.returncode) == (1, 1)
    assert "no TLS" in plain.stderr
    assert "none of dbs_no_such\n" in absent.stderr

"""docs/install.md: its examples are accepted where they are used, and what it says of the image, the unit and the chart is so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from support.chart_rendering import container, one, template
from support.command_line import invoke

from dbs_exporter.config.load import load_config
from dbs_exporter.simulator import World, start_simulator

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    """The section of that title."""
    return next(text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE) if text.startswith(f"{title}\n"))


def block(title: str) -> str:
    """The only YAML of a section."""
    (found,) = re.findall(r"^```yaml\n(.*?)^```", part(title), re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_containers_configuration_is_accepted_beside_its_secret(tmp_path: Path) -> None:
    """The secret's path counts from the configuration's directory, which is mounted."""
    (tmp_path / "access_key_secret").write_text("secret\n", encoding="utf-8")
    (tmp_path / "dbs-exporter.yml").write_text(block("Container"), encoding="utf-8")

    assert load_config(tmp_path / "dbs-exporter.yml").accounts[0].credentials.type == "access_key"


def test_the_charts_values_render_what_the_page_says() -> None:
    """The Secret becomes variables, `exec` finds the configuration, and operators find their labels."""
    documents = template(yaml.safe_load(block("Helm")), release="dbs-exporter")
    exporter = container(documents)
    variables = {variable["name"]: variable.get("value") for variable in exporter["env"]}

    assert exporter["envFrom"] == [{"secretRef": {"name": "dbs-credentials"}}]
    assert variables["DBS_EXPORTER_CONFIG_FILE"] == "/etc/dbs-exporter/dbs-exporter.yml"
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert one(documents, kind)["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert one(documents, "Deployment")["metadata"]["name"] == "dbs-exporter"
    assert one(documents, "ServiceAccount")["metadata"]["name"] == "dbs-exporter"


def test_a_demo_in_the_chart_has_no_configuration_to_name() -> None:
    """A variable that names a file that is not there would break `call`."""
    names = [variable["name"] for variable in container(template({"demo": True})).get("env", [])]

    assert "DBS_EXPORTER_CONFIG_FILE" not in names


def test_a_service_is_checked_before_it_runs(tmp_path: Path) -> None:
    """With the variables that the page sets, `check` reads the example for systemd and its secret, as root would."""
    example = (ROOT / "examples" / "systemd" / "dbs-exporter.yml").read_text(encoding="utf-8")
    assert "CREDENTIALS_DIRECTORY=/etc/dbs-exporter /opt/dbs-exporter/bin/dbs-exporter check" in part(
        "systemd"
    )
    (tmp_path / "access_key_secret").write_text("testsk\n", encoding="utf-8")
    with start_simulator(World(plans=3)) as simulator:
        text = example.replace("    regions:", f"    endpoint: {simulator.url}\n    regions:")
        (tmp_path / "dbs-exporter.yml").write_text(
            text.replace("LTAI-your-key-id", "testak"), encoding="utf-8"
        )
        done = invoke(
            "check",
            DBS_EXPORTER_CONFIG_FILE=str(tmp_path / "dbs-exporter.yml"),
            CREDENTIALS_DIRECTORY=str(tmp_path),
        )

    assert done.exit_code == 0, done.output
    assert "credentials (access_key): found" in done.output


@pytest.mark.parametrize("title", ["pip", "Container", "systemd", "Helm"])
def test_each_way_says_how_it_is_upgraded_and_removed(title: str) -> None:
    """Nobody is left with something that cannot be renewed or taken away."""
    assert "**Upgrade**:" in part(title)
    assert "**Removal**:" in part(title)


def test_every_shell_command_is_one_that_bash_can_read() -> None:
    """No quote is left open and no line break is lost."""
    for code in re.findall(r"(?:^    \S.*\n)+", PAGE, re.MULTILINE):
        lines = "\n".join(line[4:] for line in code.splitlines())
        done = subprocess.run(
            ["bash", "-n"], input=lines, capture_output=True, text=True, check=False, timeout=20
        )
        assert (done.returncode, done.stderr) == (0, ""), lines

"""The examples: each is read by the program that it is for."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.programs import tool

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.load import load_config

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
CALLED = {f"dbs:{operation}" for collector in TABLE for operation in collector.operations}


def actions(policy: str) -> set[str]:
    """All actions that a policy allows."""
    content = json.loads((EXAMPLES / "ram" / policy).read_text(encoding="utf-8"))
    allowed: set[str] = set()
    for statement in content["Statement"]:
        assert statement["Effect"] == "Allow"
        allowed |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return allowed


@pytest.mark.parametrize("policy", ["least-privilege.json", "one-plan.json"])
def test_the_policy_allows_exactly_what_is_called(policy: str) -> None:
    """Each operation that a collector may call is in the policy, and nothing else is."""
    assert actions(policy) == CALLED


def test_nothing_that_is_called_changes_anything() -> None:
    """All operations of the collectors are reads that the vendor's read-only policy covers."""
    assert not [name for name in CALLED if OPERATIONS[name.removeprefix("dbs:")].writes]
    assert all(name.startswith("dbs:Describe") for name in CALLED)
    assert actions("read-only.json") == {"dbs:Describe*"}


@pytest.mark.parametrize("policy", ["cross-account-trust.json", "rrsa-trust.json"])
def test_trust_policies_only_let_a_role_be_assumed(policy: str) -> None:
    """A trust policy allows sts:AssumeRole and nothing else."""
    assert actions(policy) == {"sts:AssumeRole"}


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES / "configuration").glob("*.yml")), ids=lambda path: path.name
)
def test_example_configurations_are_accepted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example configuration is one the exporter takes, with its variables set."""
    for name in re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")):
        monkeypatch.setenv(name, "value")

    assert load_config(path).accounts


def test_the_systemd_unit_is_clean_and_hardened(tmp_path: Path) -> None:
    """systemd-analyze verify finds nothing, and rates the unit's exposure as OK."""
    analyze = tool("systemd-analyze")
    unit = tmp_path / "dbs-exporter.service"
    text = (EXAMPLES / "systemd" / "dbs-exporter.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/dbs-exporter/bin/dbs-exporter", tool("true")), encoding="utf-8")
    verified = subprocess.run(
        [analyze, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    rated = subprocess.run(
        [analyze, "security", "--offline=true", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    level = re.search(r"exposure level for \S+: ([\d.]+)", rated.stdout)

    assert verified.returncode == 0
    assert verified.stderr == ""
    assert level is not None
    assert float(level[1]) < 2


def test_the_systemd_service_can_read_its_configuration() -> None:
    """A dynamic user owns neither file nor folder: both are open to others, and the secret, which is not, is a credential."""
    unit = (EXAMPLES / "systemd" / "dbs-exporter.service").read_text(encoding="utf-8")
    installed = {
        path: int(mode, 8)
        for mode, path in re.findall(
            r"install (?:-D )?-m (\d+) .*(/etc/dbs-exporter/\S+)",
            (ROOT / "docs" / "install.md").read_text(encoding="utf-8"),
        )
    }
    (folder,) = re.findall(r"^ConfigurationDirectoryMode=(\d+)$", unit, re.MULTILINE)
    (secret,) = re.findall(r"^LoadCredential=(\w+):(\S+)$", unit, re.MULTILINE)
    configuration = (EXAMPLES / "systemd" / "dbs-exporter.yml").read_text(encoding="utf-8")

    assert int(folder, 8) & 0o005 == 0o005
    assert installed["/etc/dbs-exporter/dbs-exporter.yml"] & 0o004
    assert installed[secret[1]] & 0o077 == 0
    assert "\nEnvironment=DBS_EXPORTER_CONFIG_FILE=/etc/dbs-exporter/dbs-exporter.yml\n" in unit
    assert f"access_key_secret_file: ${{CREDENTIALS_DIRECTORY}}/{secret[0]}" in configuration


def storage_path(command: str) -> str:
    """Where a command keeps the state."""
    (path,) = re.findall(r"--storage\.path=([^\s\"\],]+)", command)
    return str(path)


def test_the_systemd_service_can_write_its_state() -> None:
    """The path of the state is the directory that systemd makes for the service's user and keeps, and nobody else's."""
    unit = (EXAMPLES / "systemd" / "dbs-exporter.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    (folder,) = re.findall(r"^StateDirectory=(\S+)$", unit, re.MULTILINE)
    (mode,) = re.findall(r"^StateDirectoryMode=(\d+)$", unit, re.MULTILINE)

    assert storage_path(command) == f"/var/lib/{folder}"
    assert int(mode, 8) & 0o027 == 0


@pytest.mark.parametrize("path", ["prometheus/prometheus.yml", "compose/prometheus.yml"])
def test_prometheus_reads_the_scrape_configuration(path: str) -> None:
    """promtool accepts the configuration's syntax (its rule files live elsewhere)."""
    done = subprocess.run(
        [tool("promtool"), "check", "config", "--syntax-only", str(EXAMPLES / path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


def test_the_folder_of_rules_holds_rule_files_only(tmp_path: Path) -> None:
    """Whoever writes `rules/*.yml` into a configuration loads the rule files and nothing that Prometheus would refuse."""
    (tmp_path / "rules").symlink_to(ROOT / "rules")
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"rule_files": ["rules/*.yml"]}), encoding="utf-8")
    done = subprocess.run(
        [tool("promtool"), "check", "config", str(configuration)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout
    assert {path.name for path in (ROOT / "rules").glob("*.y*ml")} == {
        "dbs-alerts.rules.yml",
        "dbs-recording.rules.yml",
    }


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.compose-spec", "examples/docker-compose.yml"),
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.github-workflows", ".github/workflows/release.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/live-account.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
    ],
)
def test_files_for_others_follow_their_schemas(schema: str, path: str) -> None:
    """The compose file, the workflows, what renews them and the form of an issue pass the published schemas."""
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", schema, str(ROOT / path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def compose_file() -> dict[str, Any]:
    """The compose file, read without a program that starts it (which test_compose does)."""
    read: dict[str, Any] = yaml.safe_load((EXAMPLES / "docker-compose.yml").read_text(encoding="utf-8"))
    return read


def mounted(service: str) -> dict[str, str]:
    """Where a service of the compose file finds what, by the path inside."""
    mounts = [mount.split(":") for mount in compose_file()["services"][service].get("volumes", [])]
    return {target: source for source, target, *_ in mounts}


def test_the_compose_file_mounts_what_exists() -> None:
    """Every path the compose file mounts from the project is there, and every other mount is one of its volumes."""
    sources = [source for service in compose_file()["services"] for source in mounted(service).values()]
    paths = [EXAMPLES / source for source in sources if source.startswith(".")]

    assert paths
    assert [str(path) for path in paths if not path.exists()] == []
    assert {source for source in sources if not source.startswith(".")} == set(compose_file()["volumes"])


def test_the_state_in_the_compose_file_lies_in_a_volume_where_the_image_has_its_directory() -> None:
    """The exporter writes to a named volume, mounted where the image has a directory of its user, as a new one takes over."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    path = storage_path(" ".join(compose_file()["services"]["dbs-exporter"]["command"]))
    (name,) = re.findall(r"install -d -o 65532 -g 65532 -m 0750 /state/(\S+)$", dockerfile, re.MULTILINE)
    (place,) = re.findall(r"^COPY --from=build --chown=65532:65532 /state (\S+)$", dockerfile, re.MULTILINE)
    folder = f"{place}/{name}"

    assert mounted("dbs-exporter")[path] == "exporter"
    assert path == folder == storage_path(dockerfile)


@pytest.mark.parametrize("service", sorted(compose_file()["services"]))
def test_each_service_of_the_compose_file_is_careful(service: str) -> None:
    """A pinned version (or this checkout), no rights, nothing to write to but volumes, loopback only, restarted, its health asked for."""
    written = compose_file()["services"][service]

    assert written["read_only"] is True
    assert written["cap_drop"] == ["ALL"]
    assert written["security_opt"] == ["no-new-privileges:true"]
    assert written["restart"] == "unless-stopped"
    assert [port for port in written["ports"] if not port.startswith("127.0.0.1:")] == []
    if "build" in written:
        assert written["pull_policy"] == "build"
        assert "\nHEALTHCHECK" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    else:
        assert re.search(r":v?\d+\.\d+\.\d+$", written["image"])
        assert written["healthcheck"]["test"][0] == "CMD"


def test_grafana_is_provisioned_with_all_boards_and_nothing_else() -> None:
    """Each board is mounted by itself where the provider looks (Grafana reads every JSON file below), the fleet's as home."""
    provisioning = EXAMPLES / "compose" / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "dbs.yml").read_text(encoding="utf-8"))[
        "providers"
    ]
    boards = {path.name for path in (ROOT / "dashboards").glob("*.json")}
    environment = compose_file()["services"]["grafana"]["environment"]
    folder = provider["options"]["path"]

    assert {target: source for target, source in mounted("grafana").items() if target.startswith(folder)} == {
        f"{folder}/{name}": f"../dashboards/{name}" for name in boards
    }
    assert environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/fleet.json"


def test_grafanas_data_source_is_the_one_that_the_boards_take() -> None:
    """It is of the type of the boards' variable, the default, which the variable takes, and knows how often Prometheus scrapes."""
    (source,) = yaml.safe_load(
        (EXAMPLES / "compose/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    )["datasources"]
    prometheus = yaml.safe_load((EXAMPLES / "compose" / "prometheus.yml").read_text(encoding="utf-8"))
    variables = [
        variable
        for path in sorted((ROOT / "dashboards").glob("*.json"))
        for variable in json.loads(path.read_text(encoding="utf-8"))["templating"]["list"]
        if variable["name"] == "datasource"
    ]

    assert {(variable["query"], variable.get("regex", "")) for variable in variables} == {
        (source["type"], "")
    }
    assert {json.dumps(variable.get("current")) for variable in variables} == {"null"}
    assert source["isDefault"] is True
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_the_workflows_ask_for_no_more_than_they_need() -> None:
    """zizmor finds nothing in the workflows."""
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--no-progress", str(ROOT / ".github")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout

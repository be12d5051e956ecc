"""`dbs-exporter` in this process, for tests, and a small configuration to give it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from dbs_exporter.cli.main import cli


def invoke(*arguments: str, **environment: str) -> Result:
    """Run a command in this process, without a configuration of the machine's."""
    return CliRunner().invoke(cli, arguments, env={"DBS_EXPORTER_CONFIG_FILE": None, **environment})


def config_file(folder: Path, url: str, *, secret: str = "testsk", account: str = "", more: str = "") -> str:
    """Write a configuration with one account; gives its file's name."""
    file = folder / "dbs-exporter.yml"
    file.write_text(
        "accounts:\n- name: prod\n"
        f"  endpoint: {url}\n"
        "  requests_per_second: 500\n"
        "  credentials: {type: access_key, access_key_id: testak, access_key_secret: " + secret + "}\n"
        f"  {account or 'regions: [cn-hangzhou]'}\n{more}"
    )
    return str(file)

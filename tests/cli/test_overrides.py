"""Flags win over the file, and say nothing where they were not given."""

from __future__ import annotations

import pytest
from support.configurations import ACCOUNT

from dbs_exporter.cli.overrides import Overrides
from dbs_exporter.config.load import parse_config
from dbs_exporter.errors import ConfigError

FILE = (
    ACCOUNT + "web: {listen_addresses: [':1'], telemetry_path: /file}\nlog: {level: warning, format: json}\n"
)


def test_without_flags_the_file_stands() -> None:
    """Nothing said changes nothing."""
    config = parse_config(FILE, environ={})

    assert Overrides().apply_to(config) == config


def test_each_flag_changes_its_own_key() -> None:
    """Accounts, collectors and what no flag is about stay as the file has them."""
    config = parse_config(FILE, environ={})
    web = Overrides(listen_addresses=(":2", ":3"), telemetry_path="/flag").apply_to(config)
    log = Overrides(log_level="debug").apply_to(config)

    assert (web.web.listen_addresses, web.web.telemetry_path) == ((":2", ":3"), "/flag")
    assert (web.log, web.accounts, web.collectors) == (config.log, config.accounts, config.collectors)
    assert (log.log.level, log.log.format, log.web) == ("debug", "json", config.web)
    assert Overrides(log_format="logfmt").apply_to(config).log.format == "logfmt"


def test_the_prefix_is_the_path_of_the_external_url_unless_it_is_given() -> None:
    """As Prometheus has it: a prefix of / is for a proxy that takes the path away."""
    config = parse_config(FILE, environ={})
    url = "https://ops.example/dbs/"

    assert config.web.prefix == ""
    assert Overrides(external_url=url).apply_to(config).web.prefix == "/dbs"
    assert Overrides(external_url=url, route_prefix="/").apply_to(config).web.prefix == ""
    assert Overrides(route_prefix="/x/y/").apply_to(config).web.prefix == "/x/y"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (Overrides(route_prefix="dbs"), "--web.route-prefix: 'dbs' is not a path; write one such as /dbs"),
        (Overrides(route_prefix="/a//b"), "--web.route-prefix: '/a//b' is not a path"),
        (Overrides(route_prefix="/../b"), "--web.route-prefix: '/../b' is not a path"),
        (
            Overrides(external_url="ops.example"),
            "--web.external-url: 'ops.example' is not an http or https URL",
        ),
        (
            Overrides(external_url="http://[x/"),
            "--web.external-url: 'http://[x/' is not an http or https URL",
        ),
        (Overrides(external_url="http://a/?b"), "has more than host and path"),
        (Overrides(external_url="http://a/b c"), "is not a path"),
    ],
)
def test_a_url_or_prefix_that_cannot_be_served_is_refused(overrides: Overrides, message: str) -> None:
    """What would be right is said."""
    with pytest.raises(ConfigError) as caught:
        overrides.apply_to(parse_config(FILE, environ={}))

    assert message in str(caught.value)


def test_the_path_of_the_state_is_a_flag_too() -> None:
    """It wins over the file's, and may not be empty."""
    config = parse_config(ACCOUNT + "storage: {path: /file}\n", environ={})

    assert config.storage.path == "/file"
    assert Overrides(storage_path="/flag").apply_to(config).storage.path == "/flag"
    assert Overrides().apply_to(config).storage.path == "/file"
    with pytest.raises(ConfigError, match=r"--storage\.path: the path of a directory expected"):
        Overrides(storage_path=" ").apply_to(config)


def test_a_path_that_cannot_be_served_is_told_by_its_flag() -> None:
    """The file's rules hold for the flag too."""
    with pytest.raises(ConfigError, match=r"--web\.telemetry-path: '/-/x' is taken"):
        Overrides(telemetry_path="/-/x").apply_to(parse_config(FILE, environ={}))

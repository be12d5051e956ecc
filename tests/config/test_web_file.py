"""The file of --web.config.file: what the exporter-toolkit takes is taken, and what is not served is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbs_exporter.config.web_file import WebFile, load_web_file
from dbs_exporter.errors import ConfigError

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
TLS = "cert_file: a.crt, key_file: a.key"


def load(folder: Path, text: str) -> WebFile:
    """Write a file and load it."""
    (folder / "web.yml").write_text(text)
    return load_web_file(folder / "web.yml")


def test_an_example_of_the_toolkit_is_taken(tmp_path: Path) -> None:
    """All its keys that are served here, with paths beside the file."""
    file = load(
        tmp_path,
        "tls_server_config:\n  cert_file: a.crt\n  key_file: /etc/a.key\n"
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
        "  client_allowed_sans: [prometheus.example]\n  min_version: TLS12\n  max_version: TLS13\n"
        "  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n"
        "  prefer_server_cipher_suites: true\n"
        "http_server_config:\n  http2: true\n  headers: {X-Frame-Options: deny}\n"
        f"basic_auth_users: {{alice: {HASH}}}\nrate_limit: {{interval: 100ms, burst: 20}}\n",
    )
    tls = file.tls_server_config

    assert tls is not None
    assert (tls.cert_file, tls.key_file) == (str(tmp_path / "a.crt"), "/etc/a.key")
    assert tls.client_ca_file == str(tmp_path / "ca.crt")
    assert tls.ciphers == ("ECDHE-RSA-AES128-GCM-SHA256",)
    assert file.basic_auth_users == {"alice": HASH}
    assert file.http_server_config.headers == {"X-Frame-Options": "deny"}
    assert (file.rate_limit.interval, file.rate_limit.burst) == (0.1, 20)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_changes_nothing(tmp_path: Path, text: str) -> None:
    """As in the toolkit."""
    assert load(tmp_path, text) == WebFile()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_config: {}", ":1: tls_config: unknown key; did you mean 'tls_server_config'?"),
        (
            f"\ntls_server_config: {{{TLS}, curve_preferences: []}}",
            ":2: tls_server_config.curve_preferences: unknown",
        ),
        (
            "tls_server_config: {cert_file: a}",
            "tls_server_config.key_file: missing; add key_file: server.key",
        ),
        (f"tls_server_config: {{{TLS}, min_version: TLS10}}", "'TLS10' is broken and not served; TLS12"),
        (f"tls_server_config: {{{TLS}, min_version: TLS14}}", "did you mean 'TLS13'?"),
        (f"tls_server_config: {{{TLS}, min_version: TLS13, max_version: TLS12}}", "min_version is above"),
        (f"tls_server_config: {{{TLS}, client_auth_type: RequestClientCert}}", "verifies no certificate"),
        (f"tls_server_config: {{{TLS}, client_auth_type: RequireAndVerifyClientCert}}", "add client_ca_file"),
        (
            f"tls_server_config: {{{TLS}, client_ca_file: x}}",
            "add client_auth_type: RequireAndVerifyClientCert",
        ),
        (f"tls_server_config: {{{TLS}, client_allowed_sans: [x]}}", "add client_auth_type"),
        (f"tls_server_config: {{{TLS}, cipher_suites: [RC4]}}", "'RC4' is not served; known are TLS_AES_128"),
        (f"tls_server_config: {{{TLS}, cipher_suites: [TLS_AES_128_GCM_SHA256]}}", "names none of TLS 1.2"),
        ("basic_auth_users: {a: hunter2}", "basic_auth_users.a: not a bcrypt hash; write what `htpasswd"),
        ("basic_auth_users: {a: 12345678}", "not a bcrypt hash"),
        (
            f"basic_auth_users: {{a: {HASH.replace('10', '31', 1)}}}",
            "the cost of this hash is 31; 10 would be",
        ),
        ("http_server_config: {headers: {X-Nope: a}}", "http_server_config.headers"),
        ("rate_limit: {interval: 1s}", "burst: 0 allows no request"),
        ("rate_limit: {interval: 1}", "has no unit"),
        ("[]", "a list is not a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    """One message, and never what may be a password."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert len(caught.value.problems) == 1, caught.value.problems
    assert caught.value.problems[0].startswith(f"{tmp_path}/web.yml:")
    assert message in caught.value.problems[0]
    assert "hunter2" not in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_a_missing_file_is_named_with_its_flag(tmp_path: Path) -> None:
    """Not with the flag of the other configuration."""
    with pytest.raises(ConfigError, match=r"web\.yml: cannot be read: .*--web\.config\.file"):
        load_web_file(tmp_path / "web.yml")

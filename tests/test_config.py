"""The configuration: what a good file means, what a bad one is told, and that schema and reference agree with both."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dbs_exporter.config import (
    COLLECTOR_DEFAULTS,
    Config,
    PlanSelection,
    load_config,
    parse_config,
    selects,
    warnings_of,
)
from dbs_exporter.config_file import MAX_FILE_BYTES, MAX_SECRET_BYTES, parse_document
from dbs_exporter.config_schema import json_schema, markdown_reference
from dbs_exporter.durations import format_duration, parse_duration
from dbs_exporter.errors import ConfigError
from dbs_exporter.listen import is_loopback, parse_listen_address
from dbs_exporter.model import Plan

ROOT = Path(__file__).parent.parent
ACCOUNT = "accounts: [{name: prod, regions: [cn-hangzhou]}]\n"

GOOD = {
    "smallest": ACCOUNT,
    "all regions": "accounts: [{name: 生产, regions: all, plans: all, network: vpc, endpoint: null}]",
    "listed plans": "accounts: [{name: prod, regions: [cn-hangzhou, us-east-1], plans: [dbs1, dbs2]}]",
    "patterns": "accounts: [{name: p, regions: all, plans: {include: ['orders-*'], exclude: ['*-test']}}]",
    "limits": "accounts: [{name: p, regions: all, requests_per_second: 0.5, concurrency: 1, timeout: 1m30s}]",
    "endpoint": "accounts: [{name: p, regions: all, endpoint: 'http://127.0.0.1:8765'}]",
    "access key": "accounts: [{name: p, regions: all, credentials: {type: access_key, access_key_id: a, access_key_secret: b}}]",
    "sts": (
        "accounts: [{name: p, regions: all,"
        " credentials: {type: sts, access_key_id: a, access_key_secret: b, security_token: c}}]"
    ),
    "profile": "accounts: [{name: p, regions: all, credentials: {type: profile, profile_name: dbs}}]",
    "ecs role": "accounts: [{name: p, regions: all, credentials: {type: ecs_ram_role}}]",
    "role": (
        "accounts: [{name: p, regions: all, credentials: {type: ram_role_arn, access_key_id: a, access_key_secret: b,"
        " role_arn: 'acs:ram::1:role/x', role_session_expiration: 1h}}]"
    ),
    "oidc": (
        "accounts: [{name: p, regions: all, credentials: {type: oidc_role_arn, role_arn: 'acs:ram::1:role/x',"
        " oidc_provider_arn: 'acs:ram::1:oidc-provider/y', oidc_token_file: /t}}]"
    ),
    "uri": "accounts: [{name: p, regions: all, credentials: {type: credentials_uri, credentials_uri: 'http://127.0.0.1/'}}]",
    "collectors": ACCOUNT
    + "collectors: {plans: {interval: 30s}, billing: {enabled: true}, nodes: {enabled: false}}",
    "objectives": ACCOUNT
    + "objectives: [{plans: ['*'], rpo: 5m, full_backup_interval: 25h, restore_time: 1h}]",
    "web and log": ACCOUNT
    + "web: {listen_addresses: ['[::1]:0', ':1'], telemetry_path: /m}\nlog: {level: debug, format: json}",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_good_file_is_accepted_by_the_program_and_by_the_schema(text: str) -> None:
    """Whatever the documents allow loads, and the schema agrees."""
    config = parse_config(text, environ={})

    assert isinstance(config, Config)
    assert not list(_validator().iter_errors(_plain(text)))


def test_what_is_not_said_has_the_documented_defaults() -> None:
    """The smallest file gives the intervals, bounds and addresses of the interface."""
    config = parse_config(ACCOUNT, environ={})

    account = config.accounts[0]
    assert (account.credentials.type, account.plans, account.network, account.endpoint) == (
        "default", "all", "public", None,
    )  # fmt: skip
    assert (account.requests_per_second, account.concurrency, account.timeout) == (5.0, 4, 10.0)
    assert {
        name: (getattr(config.collectors, name).interval, getattr(config.collectors, name).enabled)
        for name in COLLECTOR_DEFAULTS
    } == {
        "plans": (120, True), "gateways": (60, True), "full_backups": (300, True), "incremental_backups": (60, True),
        "restores": (60, True), "restore_ranges": (600, True), "prechecks": (300, True), "downloads": (300, True),
        "job_errors": (300, True), "nodes": (3600, True), "billing": (21600, False),
    }  # fmt: skip
    assert config.objectives == ()
    assert (config.web.listen_addresses, config.web.telemetry_path) == ((":10033",), "/metrics")
    assert (config.log.level, config.log.format) == ("info", "logfmt")


def test_a_collector_that_is_named_keeps_what_is_not_said_of_it() -> None:
    """Switching billing on keeps its six hours; a new interval for plans keeps it enabled."""
    config = parse_config(
        ACCOUNT + "collectors: {billing: {enabled: true}, plans: {interval: 1m}}", environ={}
    )

    assert (config.collectors.billing.interval, config.collectors.billing.enabled) == (21600, True)
    assert (config.collectors.plans.interval, config.collectors.plans.enabled) == (60, True)


SCHEMA_CANNOT = "the schema cannot say this"

# (what is wrong, the file, the message without the file's name, "" or why the schema accepts it)
BAD = [
    ("empty", "", "1: accounts: missing; add accounts: ", ""),
    ("not a mapping", "[1]", "1: a list is not a mapping; write keys below it, known are accounts,", ""),
    ("no accounts", "accounts: []", "1: accounts: an empty list; name at least one", ""),
    ("no name", "accounts:\n  - regions: all", "2: accounts[0].name: missing; add name: prod", ""),
    ("empty name", "accounts: [{name: '', regions: all}]", "1: accounts[0].name: empty; write prod", ""),
    ("hidden name", 'accounts: [{name: "a\\n", regions: all}]', "accounts[0].name: 'a\\n' has spaces around it", SCHEMA_CANNOT),
    (
        "name twice",
        "accounts:\n- {name: a, regions: all}\n- {name: a, regions: all}",
        "3: accounts[1].name: 'a' is taken by the account in line 2; names must be unique",
        SCHEMA_CANNOT,
    ),
    ("number as name", "accounts: [{name: 7, regions: all}]", "1: accounts[0].name: 7 is not text; put it in quotes", ""),
    (
        "unknown key",
        ACCOUNT + "objctives: []",
        "2: objctives: unknown key; did you mean 'objectives'?",
        "",
    ),
    (
        "unknown key, nothing near",
        "accounts: [{name: a, regions: all, xyz: 1}]",
        "1: accounts[0].xyz: unknown key; known are concurrency, credentials, endpoint,",
        "",
    ),
    ("key twice", ACCOUNT + "log: {level: info}\nlog: {level: info}", "3: log: given twice, first in line 2; remove one", SCHEMA_CANNOT),
    ("bad region", "accounts: [{name: a, regions: [Hangzhou]}]", "accounts[0].regions[0]: 'Hangzhou' is not a region id; write one such as cn-hangzhou", ""),
    ("all in a list", "accounts: [{name: a, regions: [all]}]", "accounts[0].regions[0]: 'all' stands in a list; write regions: all", ""),
    ("no regions", "accounts: [{name: a, regions: []}]", "accounts[0].regions: an empty list; name at least one, such as [cn-hangzhou]", ""),
    ("one region as text", "accounts: [{name: a, regions: cn-hangzhou}]", "accounts[0].regions: 'cn-hangzhou' is not possible; write all, or a list in brackets", ""),
    ("region twice", "accounts: [{name: a, regions: [cn-x, cn-x]}]", "accounts[0].regions: 'cn-x' given more than once; name each once", ""),
    ("plans as text", "accounts: [{name: a, regions: all, plans: every}]", "accounts[0].plans: 'every' is not possible; write all, or a list in brackets", ""),
    ("plans misspelt", "accounts: [{name: a, regions: all, plans: {includes: [a]}}]", "accounts[0].plans.includes: unknown key; did you mean 'include'?", ""),
    ("network", "accounts: [{name: a, regions: all, network: vcp}]", "accounts[0].network: 'vcp' is not possible; did you mean 'vpc'?", ""),
    ("endpoint scheme", "accounts: [{name: a, regions: all, endpoint: 'ftp://x'}]", "accounts[0].endpoint: 'ftp://x' is not an http or https URL; write one such as https://", ""),
    ("endpoint path", "accounts: [{name: a, regions: all, endpoint: 'http://x/y'}]", "accounts[0].endpoint: 'http://x/y' has a path or a query; the API answers at the root, so http://x would be right", ""),
    ("endpoint user", "accounts: [{name: a, regions: all, endpoint: 'http://u:hush@x'}]", "accounts[0].endpoint: holds a user or password; credentials belong under `credentials`", ""),
    ("endpoint port", "accounts: [{name: a, regions: all, endpoint: 'http://x:99999'}]", "accounts[0].endpoint: 'http://x:99999' is not a URL", SCHEMA_CANNOT),
    ("no requests", "accounts: [{name: a, regions: all, requests_per_second: 0}]", "accounts[0].requests_per_second: 0 is too small; more than 0 would be right", ""),
    ("too many requests", "accounts: [{name: a, regions: all, requests_per_second: 1e9}]", "is too large; at most 1000 would be right", ""),
    ("text as number", "accounts: [{name: a, regions: all, requests_per_second: '5'}]", "'5' is not a number; write one without quotes, such as 5", ""),
    ("no concurrency", "accounts: [{name: a, regions: all, concurrency: 0}]", "accounts[0].concurrency: 0 is too small; at least 1 would be right", ""),
    ("half a call", "accounts: [{name: a, regions: all, concurrency: 1.5}]", "accounts[0].concurrency: 1.5 is not a whole number; write one without quotes", ""),
    ("timeout without unit", "accounts: [{name: a, regions: all, timeout: 10}]", "accounts[0].timeout: 10 has no unit; write a duration such as 10s or 5m", ""),
    ("timeout too long", "accounts: [{name: a, regions: all, timeout: 1h}]", "accounts[0].timeout: '1h' is outside 100ms to 5m; choose a duration between them", SCHEMA_CANNOT),
    ("interval of nothing", ACCOUNT + "collectors: {plans: {interval: 0s}}", "2: collectors.plans.interval: '0s' is outside 1s to 7d", SCHEMA_CANNOT),
    ("no duration", ACCOUNT + "collectors: {plans: {interval: 5 minutes}}", "2: collectors.plans.interval: '5 minutes' is not a duration; write numbers with units, largest first, such as 30s, 5m or 1h30m", ""),
    ("units the wrong way", ACCOUNT + "collectors: {plans: {interval: 30m1h}}", "'30m1h' is not a duration", ""),
    ("unknown collector", ACCOUNT + "collectors: {gateway: {}}", "2: collectors.gateway: unknown key; did you mean 'gateways'?", ""),
    ("enabled as text", ACCOUNT + "collectors: {plans: {enabled: yes}}", "2: collectors.plans.enabled: 'yes' is neither true nor false; write one of them without quotes", ""),
    ("empty section", ACCOUNT + "collectors:", "2: collectors: nothing is not a mapping; write keys below it, known are billing,", ""),
    ("objective for nobody", ACCOUNT + "objectives: [{rpo: 5m}]", "2: objectives[0].plans: missing; add plans: [orders-*]", ""),
    ("objective of nothing", ACCOUNT + "objectives: [{plans: [], rpo: 5m}]", "2: objectives[0].plans: an empty list; name at least one, such as [orders-*]", ""),
    ("plans of an objective as text", ACCOUNT + "objectives: [{plans: a}]", "2: objectives[0].plans: 'a' is not a list; write a list in brackets, such as [orders-*]", ""),
    ("listen address", ACCOUNT + "web: {listen_addresses: [localhost]}", "2: web.listen_addresses[0]: 'localhost' is not a listen address; write [HOST]:PORT, such as :10033", ""),
    ("listen port", ACCOUNT + "web: {listen_addresses: [':70000']}", "2: web.listen_addresses[0]: ':70000': port 70000 does not exist; 0 to 65535 would be right", SCHEMA_CANNOT),
    ("listen IPv6", ACCOUNT + "web: {listen_addresses: ['[::z]:1']}", "'::z' is not an IPv6 address; [::1]:1 would be right", SCHEMA_CANNOT),
    ("status page's path", ACCOUNT + "web: {telemetry_path: /}", "2: web.telemetry_path: '/' is taken by the exporter's own pages; /metrics would be right", ""),
    ("own path", ACCOUNT + "web: {telemetry_path: /-/ready}", "2: web.telemetry_path: '/-/ready' is taken", ""),
    ("no path", ACCOUNT + "web: {telemetry_path: metrics}", "2: web.telemetry_path: 'metrics' is not a path; write one such as /metrics", ""),
    ("log level", ACCOUNT + "log: {level: warn}", "2: log.level: 'warn' is not possible; did you mean 'warning'?", ""),
    ("log format", ACCOUNT + "log: {format: [json]}", "2: log.format: a list is not possible; known are logfmt, json", ""),
    ("credentials type", "accounts: [{name: a, regions: all, credentials: {type: accesskey}}]", "accounts[0].credentials.type: 'accesskey' is not possible; did you mean 'access_key'?", ""),
    ("key without secret", "accounts: [{name: a, regions: all, credentials: {type: access_key, access_key_id: k}}]", "accounts[0].credentials: type access_key needs access_key_secret; give access_key_secret: ${ACCESS_KEY_SECRET} or access_key_secret_file: PATH", ""),
    ("key of another type", "accounts: [{name: a, regions: all, credentials: {type: ecs_ram_role, access_key_id: k}}]", "accounts[0].credentials.access_key_id: has no meaning for type ecs_ram_role; it takes role_name", ""),
    ("key of no type", "accounts: [{name: a, regions: all, credentials: {role_name: k}}]", "accounts[0].credentials.role_name: has no meaning for type default; it takes no other key", ""),
    ("role missing", "accounts: [{name: a, regions: all, credentials: {type: ram_role_arn, access_key_id: k, access_key_secret: s}}]", "accounts[0].credentials: type ram_role_arn needs role_arn; add role_arn: …", ""),
    ("oidc missing", "accounts: [{name: a, regions: all, credentials: {type: oidc_role_arn, role_arn: r, oidc_token_file: /t}}]", "type oidc_role_arn needs oidc_provider_arn; add oidc_provider_arn: …, or set ALIBABA_CLOUD_OIDC_PROVIDER_ARN", SCHEMA_CANNOT),
    ("uri", "accounts: [{name: a, regions: all, credentials: {type: credentials_uri, credentials_uri: x}}]", "accounts[0].credentials.credentials_uri: not an http or https URL; write one such as http://127.0.0.1:9000/credentials", ""),
    ("session too short", "accounts: [{name: a, regions: all, credentials: {type: ram_role_arn, access_key_id: k, access_key_secret: s, role_arn: r, role_session_expiration: 1m}}]", "'1m' is outside 15m to 12h", SCHEMA_CANNOT),
    ("variable not set", "accounts: [{name: a, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret: '${NOT_THERE}'}}]", "accounts[0].credentials.access_key_secret: the environment variable NOT_THERE is not set; set it, or give the value here", SCHEMA_CANNOT),
    ("variable empty", "accounts: [{name: '${EMPTY}', regions: all}]", "accounts[0].name: the environment variable EMPTY is empty; set it", SCHEMA_CANNOT),
    ("variable misspelt", "accounts: [{name: '${A B}', regions: all}]", "accounts[0].name: '${A B}' names no environment variable; write ${NAME}, or $${ for the characters", SCHEMA_CANNOT),
    ("secret file missing", "accounts: [{name: a, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret_file: /not/there}}]", "accounts[0].credentials.access_key_secret_file: the file /not/there cannot be read: No such file or directory", SCHEMA_CANNOT),
    ("secret twice", "accounts: [{name: a, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret: s, access_key_secret_file: /x}}]", "accounts[0].credentials.access_key_secret_file: access_key_secret is given as well; remove one of them", ""),
    ("secret as number", "accounts: [{name: a, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret: 4711}}]", "accounts[0].credentials.access_key_secret: the value is not text; put it in quotes", ""),
    ("tag", "accounts: [{name: !!binary aGk=, regions: all}]", "accounts[0].name: the YAML tag 'binary' is not supported; write a plain value", SCHEMA_CANNOT),
    ("merge of no mapping", "accounts: [{name: a, regions: all, <<: 5}]", "accounts[0]: << does not name a mapping; write <<: *name", SCHEMA_CANNOT),
    ("list as key", "accounts: [{name: a, regions: all, ? [x] : 1}]", "1: a key is a list or a mapping; keys are words", SCHEMA_CANNOT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message", "schema_accepts"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_a_bad_file_is_told_where_what_and_what_would_be_right(
    text: str, message: str, schema_accepts: str
) -> None:
    """One problem gives one message with line and key; the schema refuses the same file wherever a schema can."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="c.yml", environ={"EMPTY": ""})

    assert len(caught.value.problems) == 1, caught.value.problems
    problem = caught.value.problems[0]
    assert problem.startswith("c.yml:")
    assert message in problem.removeprefix("c.yml:")
    if not schema_accepts:
        assert list(_validator().iter_errors(_plain(text)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accounts: [", "c.yml:1: not YAML: while parsing a flow node"),
        ("accounts:\n  - name: a\n   regions: all", "c.yml:3: not YAML: while parsing a block"),
        ("a: 1\n---\nb: 2", "c.yml:2: not YAML: expected a single document"),
        ("a: \x00", "c.yml:1: not YAML: unacceptable character"),
        ("[" * 5000, "c.yml:1: nested deeper than 50 levels"),
        ("x" * 3 + ": " + "[" * 60 + "]" * 60, "c.yml:1: more values or levels than a configuration needs"),
        ("a: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]" for p, c in zip("abcdef", "bcdefg", strict=True)), "look for aliases"),
    ],
    ids=["unfinished", "indentation", "two documents", "control character", "very deep", "deep", "aliases of aliases"],
)  # fmt: skip
def test_a_file_that_is_not_one_sane_document_is_told_its_line(text: str, message: str) -> None:
    """What cannot be read as YAML ends with one sentence, however hostile."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="c.yml", environ={})

    assert message in str(caught.value)


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines() -> None:
    """Problems of form, of keys and of variables come together."""
    with pytest.raises(ConfigError) as caught:
        parse_config(
            "accounts:\n- name: ${NOPE}\n  regions: all\n  timeout: 5\nlog: {level: x}\nlog: {}\nwep: {}\n",
            name="c.yml",
            environ={},
        )

    assert [problem.split(": ")[:2] for problem in caught.value.problems] == [
        ["c.yml:2", "accounts[0].name"],
        ["c.yml:4", "accounts[0].timeout"],
        ["c.yml:5", "log.level"],
        ["c.yml:6", "log"],
        ["c.yml:7", "wep"],
    ]


def test_one_bad_account_does_not_blame_the_list() -> None:
    """The list of accounts is not called empty because its only account is wrong."""
    with pytest.raises(ConfigError) as caught:
        parse_config("accounts: [{name: a}]", name="c.yml", environ={})

    assert caught.value.problems == ("c.yml:1: accounts[0].regions: missing; add regions: [cn-hangzhou]",)


def test_values_of_variables_and_secrets_are_in_no_message_and_no_repr(tmp_path: Path) -> None:
    """A secret in the wrong place is not repeated, wherever it came from."""
    (tmp_path / "key").write_text("from-the-file\n")
    text = (
        "accounts:\n- name: a\n  regions: all\n  timeout: ${MISPLACED}\n  network: ${MISPLACED}\n"
        "  credentials: {type: access_key, access_key_id: k, access_key_secret_file: key, security_token: in-the-file}\n"
    )
    (tmp_path / "c.yml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yml", {"MISPLACED": "hush-hush"})
    told = str(caught.value)

    assert "${MISPLACED}" in told
    assert not any(secret in told for secret in ("hush-hush", "from-the-file", "in-the-file"))
    good = parse_config(
        "accounts: [{name: a, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret: '${S}'}}]",
        environ={"S": "hush-hush"},
    )
    assert "hush-hush" not in repr(good) + str(good) + good.model_dump_json()


def test_a_secret_comes_from_its_value_a_variable_or_a_file_and_the_path_is_kept(tmp_path: Path) -> None:
    """All three ways give the same secret; of a file the path stays, so that a new content can be read later."""
    (tmp_path / "secret").write_text("hush\n")
    (tmp_path / "c.yml").write_text(
        "accounts:\n"
        "- {name: a, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret: hush}}\n"
        "- {name: b, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret: '${S}'}}\n"
        "- {name: c, regions: all, credentials: {type: access_key, access_key_id: k, access_key_secret_file: secret}}\n"
    )
    config = load_config(tmp_path / "c.yml", {"S": "hush"})
    secrets = [account.credentials.access_key_secret for account in config.accounts]

    assert [secret.get_secret_value() for secret in secrets if secret] == ["hush"] * 3
    assert config.accounts[2].credentials.access_key_secret_file == str(tmp_path / "secret")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; write the secret into it"),
        (b"\n", "is empty"),
        (b"two\nlines\n", "has more than one line"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * (MAX_SECRET_BYTES + 1), f"is larger than {MAX_SECRET_BYTES} bytes"),
    ],
)
def test_a_secret_file_holds_one_line_of_text(tmp_path: Path, content: bytes, message: str) -> None:
    """Anything else is refused without repeating it."""
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        parse_config(
            "accounts: [{name: a, regions: all, credentials:"
            " {type: access_key, access_key_id: k, access_key_secret_file: secret}}]",
            directory=tmp_path,
            environ={},
        )

    assert message in str(caught.value)
    assert "two" not in str(caught.value)


def test_rrsa_variables_stand_for_the_keys_of_an_oidc_role() -> None:
    """What the add-on injects need not be repeated in the file."""
    variables = {
        "ALIBABA_CLOUD_ROLE_ARN": "r",
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "p",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/t",
    }
    config = parse_config(
        "accounts: [{name: a, regions: all, credentials: {type: oidc_role_arn}}]", environ=variables
    )

    assert config.accounts[0].credentials.type == "oidc_role_arn"


def test_variables_are_put_in_anywhere_and_can_be_escaped() -> None:
    """Part of a text may come from a variable; $${ is the characters themselves."""
    config = parse_config(
        "accounts: [{name: 'a-${X}-$${X}', regions: ['${R}']}]", environ={"X": "1", "R": "cn-hangzhou"}
    )

    assert config.accounts[0].name == "a-1-${X}"
    assert config.accounts[0].regions == ("cn-hangzhou",)


def test_anchors_and_merges_work_and_own_keys_win() -> None:
    """Accounts may share what they have in common."""
    config = parse_config(
        "accounts:\n- &common {name: a, regions: [cn-x], concurrency: 2}\n- {<<: *common, name: b}\n"
        "- {<<: [*common, {concurrency: 3, network: vpc}], name: c}\n",
        environ={},
    )

    assert [(each.name, each.concurrency, each.network) for each in config.accounts] == [
        ("a", 2, "public"), ("b", 2, "public"), ("c", 2, "vpc"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory; give an existing file with --config.file"),
        (b"\xff", ":1: not UTF-8; save the file as UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), f"larger than {MAX_FILE_BYTES} bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, not text, or absurdly large."""
    path = tmp_path / "c.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})

    assert message in str(caught.value)


def test_plain_http_is_warned_about_only_to_other_machines() -> None:
    """The simulator on this machine is no reason to warn."""
    config = parse_config(
        "accounts:\n- {name: a, regions: all, endpoint: 'http://dbs.example.com'}\n"
        "- {name: b, regions: all, endpoint: 'http://[::1]:8765'}\n"
        "- {name: c, regions: all, endpoint: 'https://dbs.example.com'}\n",
        environ={},
    )

    assert len(warnings_of(config)) == 1
    assert warnings_of(config)[0].startswith("accounts[0].endpoint: plain http to dbs.example.com")


@pytest.mark.parametrize(
    ("plans", "plan", "expected"),
    [
        ("all", Plan(plan_id="dbs1", name="orders-1"), True),
        ("[dbs1]", Plan(plan_id="dbs1"), True),
        ("[dbs1]", Plan(plan_id="dbs2", name="dbs1"), False),
        ("{include: ['orders-*']}", Plan(plan_id="dbs1", name="orders-1"), True),
        ("{include: ['orders-*']}", Plan(plan_id="dbs1", name="Orders-1"), False),
        ("{include: ['dbs?']}", Plan(plan_id="dbs1", name=""), True),
        ("{exclude: ['*-test']}", Plan(plan_id="dbs1", name="orders-test"), False),
        ("{exclude: ['*-test']}", Plan(plan_id="dbs1", name="orders"), True),
    ],
)
def test_plans_are_selected_by_id_or_pattern(plans: str, plan: Plan, expected: bool) -> None:
    """A list names ids; patterns look at id and name, and exclude wins."""
    config = parse_config(f"accounts: [{{name: a, regions: all, plans: {plans}}}]", environ={})

    assert selects(config.accounts[0], plan) is expected


def test_patterns_by_default_include_everything() -> None:
    """`plans: {exclude: …}` alone means all but those."""
    assert PlanSelection().include == ("*",)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h30m", 5400), ("100d", 8_640_000), ("250ms", 0.25), ("1y2w3d4h5m6s7ms", 33_019_506.007), ("0s", 0)],
)  # fmt: skip
def test_durations_are_prometheus_durations(text: str, seconds: float) -> None:
    """Years have 365 days, and every unit stands once, largest first."""
    assert parse_duration(text) == pytest.approx(seconds)
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "1.5h", "-1s", "1s1h", "1h1h", "s", "1 h", "1H", "1s\n", "9" * 80 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """No unit, fractions, signs, repeated or misplaced units."""
    with pytest.raises(ValueError, match="is not a duration; write numbers with units"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(":10033", ("", 10033)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:1", ("::1", 1)), ("localhost:80", ("localhost", 80))],
)  # fmt: skip
def test_listen_addresses_are_host_and_port(text: str, expected: tuple[str, int]) -> None:
    """Without a host every interface is meant."""
    assert parse_listen_address(text) == expected


def test_loopback_is_known_by_name_and_number() -> None:
    """Only addresses of this very machine count."""
    assert [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "a.localhost", "10.0.0.1", "example.com", "")] == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip


def test_every_key_of_the_schema_is_described() -> None:
    """An editor has something to show for each key."""
    undescribed = [
        f"{model}.{name}"
        for model, part in json_schema()["$defs"].items()
        for name, described in part.get("properties", {}).items()
        if not described.get("description")
    ]

    assert undescribed == []


def test_examples_and_defaults_of_the_schema_are_valid_by_the_schema() -> None:
    """What the schema shows would be accepted."""
    schema = json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name, described in part.get("properties", {}).items():
            validator = _validator({"$defs": schema["$defs"], **described})
            shown = [
                *described.get("examples", ()),
                *([described["default"]] if "default" in described else ()),
            ]
            for value in shown:
                assert not list(validator.iter_errors(value)), (name, value)


def test_the_schema_is_a_valid_schema() -> None:
    """It obeys the draft that it names."""
    _jsonschema().Draft202012Validator.check_schema(json_schema())


def test_the_reference_in_the_documents_is_the_one_the_program_makes() -> None:
    """docs/configuration.md is `dbs-exporter schema --format=markdown`."""
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == markdown_reference()


def test_the_example_of_the_interface_is_accepted() -> None:
    """The example in the reference's introduction loads as it stands."""
    example = markdown_reference().split("The smallest one that works:\n\n")[1].split("\n\n")[0]

    assert (
        parse_config("\n".join(line[4:] for line in example.splitlines()), environ={}).accounts[0].name
        == "prod"
    )


def _jsonschema() -> Any:
    return importlib.import_module("jsonschema")


def _validator(schema: Mapping[str, Any] | None = None) -> Any:
    return _jsonschema().Draft202012Validator(schema or json_schema())


def _plain(text: str) -> Any:
    """The file as an editor sees it: YAML 1.2, variables not looked up, lists and mappings as JSON has them."""
    return json.loads(json.dumps(parse_document(text, "c.yml", {}).values))

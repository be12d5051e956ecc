"""The configuration: what a good file means, what a bad one is told, and that schema and reference agree with
both.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dbs_exporter.config.document import MAX_FILE_BYTES, MAX_SECRET_BYTES, parse_document
from dbs_exporter.config.durations import format_duration, parse_duration
from dbs_exporter.config.load import COLLECTOR_DEFAULTS, load_config, parse_config, selects, warnings_of
from dbs_exporter.config.models import Config, PlanSelection
from dbs_exporter.config.schema import json_schema, markdown_reference
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.plans import Plan
from dbs_exporter.listen import is_loopback, parse_listen_address

ROOT = Path(__file__).parent.parent
ACCOUNT = "accounts: [{name: prod, regions: [cn-hangzhou]}]\n"

GOOD = sorted((Path(__file__).parent / "configurations" / "good").glob("*.yml"))
BAD = sorted((Path(__file__).parent / "configurations" / "bad").glob("*.yml"))
SAYS = "# says: "
ALIASES_OF_ALIASES = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(
    f"{name}: &{name} [{','.join([f'*{last}'] * 9)}]" for last, name in zip("abcdef", "bcdefg", strict=True)
)
KEY = "type: access_key, access_key_id: k"
SCHEMA_CANNOT = "# the schema cannot say this"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_is_accepted_by_the_program_and_by_the_schema(path: Path) -> None:
    """Whatever the documents allow loads, and the schema agrees."""
    config = load_config(path, {})

    assert isinstance(config, Config)
    assert not list(_validator().iter_errors(_plain(path)))


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
        "plans": (120, True), "gateways": (60, True), "full_backups": (300, True),
        "incremental_backups": (60, True), "restores": (60, True), "restore_ranges": (600, True),
        "prechecks": (300, True), "downloads": (300, True),
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


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_told_where_what_and_what_would_be_right(path: Path) -> None:
    """One problem gives one message with line and key; the schema refuses the same file wherever a schema
    can.
    """
    lines = path.read_text().splitlines()
    message = next(line.removeprefix(SAYS) for line in lines if line.startswith(SAYS))
    with pytest.raises(ConfigError) as caught:
        load_config(path, {"EMPTY": ""})

    assert len(caught.value.problems) == 1, caught.value.problems
    problem = caught.value.problems[0]
    assert problem.startswith(f"{path}:")
    assert message in problem.removeprefix(f"{path}:")
    if SCHEMA_CANNOT not in lines:
        assert list(_validator().iter_errors(_plain(path)))


def test_every_message_has_its_own_bad_file() -> None:
    """The table is there: a glob that finds nothing would let everything above pass."""
    assert len(GOOD) >= 15
    assert len(BAD) >= 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accounts: [", "c.yml:1: not YAML: while parsing a flow node"),
        ("accounts:\n  - name: a\n   regions: all", "c.yml:3: not YAML: while parsing a block"),
        ("a: 1\n---\nb: 2", "c.yml:2: not YAML: expected a single document"),
        ("a: \x00", "c.yml:1: not YAML: unacceptable character"),
        ("[" * 5000, "c.yml:1: nested deeper than 50 levels"),
        ("x" * 3 + ": " + "[" * 60 + "]" * 60, "c.yml:1: more values or levels than a configuration needs"),
        (ALIASES_OF_ALIASES, "look for aliases"),
    ],
    ids=["unfinished", "indentation", "two documents", "control", "very deep", "deep", "aliases of aliases"],
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
        f"  credentials: {{{KEY}, access_key_secret_file: key, security_token: in-the-file}}\n"
    )
    (tmp_path / "c.yml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.yml", {"MISPLACED": "hush-hush"})
    told = str(caught.value)

    assert "${MISPLACED}" in told
    assert not any(secret in told for secret in ("hush-hush", "from-the-file", "in-the-file"))
    good = parse_config(
        f"accounts: [{{name: a, regions: all, credentials: {{{KEY}, access_key_secret: '${{S}}'}}}}]",
        environ={"S": "hush-hush"},
    )
    assert "hush-hush" not in repr(good) + str(good) + good.model_dump_json()


def test_a_secret_comes_from_its_value_a_variable_or_a_file_and_the_path_is_kept(tmp_path: Path) -> None:
    """All three ways give the same secret; of a file the path stays, to be read again later."""
    (tmp_path / "secret").write_text("hush\n")
    (tmp_path / "c.yml").write_text(
        "accounts:\n"
        f"- {{name: a, regions: all, credentials: {{{KEY}, access_key_secret: hush}}}}\n"
        f"- {{name: b, regions: all, credentials: {{{KEY}, access_key_secret: '${{S}}'}}}}\n"
        f"- {{name: c, regions: all, credentials: {{{KEY}, access_key_secret_file: secret}}}}\n"
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


def test_a_configuration_without_the_plan_list_is_warned_about() -> None:
    """It is valid, for gateways alone, but hardly meant."""
    config = parse_config(
        "accounts:\n  - {name: a, regions: [cn-hangzhou]}\ncollectors: {plans: {enabled: false}}\n"
    )

    assert [one.split(":")[0] for one in warnings_of(config)] == ["collectors.plans"]


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
    [
        ("30s", 30),
        ("1h30m", 5400),
        ("100d", 8_640_000),
        ("250ms", 0.25),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("0s", 0),
    ],
)
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
    [
        (":10033", ("", 10033)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:1", ("::1", 1)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_listen_addresses_are_host_and_port(text: str, expected: tuple[str, int]) -> None:
    """Without a host every interface is meant."""
    assert parse_listen_address(text) == expected


def test_loopback_is_known_by_name_and_number() -> None:
    """Only addresses of this very machine count."""
    own = ("localhost", "127.0.0.2", "::1", "a.localhost")
    foreign = ("10.0.0.1", "example.com", "")

    assert [is_loopback(host) for host in (*own, *foreign)] == [True] * len(own) + [False] * len(foreign)


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


def _plain(path: Path) -> Any:
    """The file as an editor sees it: YAML 1.2, variables not looked up, as JSON has it."""
    return json.loads(json.dumps(parse_document(path.read_text(), path.name, {}).values))

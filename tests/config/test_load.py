"""A configuration is read whole or not at all: files, secrets, variables, and the questions that others ask of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.configurations import GOOD, plain, schema_errors

from dbs_exporter.api.credentials.secrets import MAX_SECRET_BYTES
from dbs_exporter.config.load import load_config, parse_config, secrets_of, selects, warnings_of
from dbs_exporter.config.models import Config
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.plans import Plan

KEY = "type: access_key, access_key_id: k"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_is_accepted_by_the_program_and_by_the_schema(path: Path) -> None:
    """Whatever the documents allow loads, and the schema agrees."""
    config = load_config(path, {})

    assert isinstance(config, Config)
    assert schema_errors(plain(path)) == []


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


def test_an_exclusion_that_silences_alerts_is_warned_about_and_any_other_is_not() -> None:
    """Each pattern with the alerts and the boards that rest on what it takes away."""

    def warned(*patterns: str) -> tuple[str, ...]:
        return warnings_of(
            parse_config(
                f"accounts: [{{name: a, regions: all}}]\nmetrics: {{exclude: {list(patterns)}}}", environ={}
            )
        )

    assert warned("dbs_region_info") == ()
    assert warned("dbs_download_task_condition_since*")[0] == (
        "metrics.exclude[0]: dbs_download_task_condition_since* takes away what alerts rest on, which then cannot fire or judge"
        " wrongly: DBSDownloadFailed, DBSDownloadStuck"
    )
    assert [warning.partition(":")[0] for warning in warned("dbs_region_info", "dbs_*")] == [
        "metrics.exclude[1]"
    ] * 2
    assert "more" in warned("dbs_*")[0]


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

    assert [warning.split(":")[0] for warning in warnings_of(config)] == ["collectors.plans"]


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


def test_the_secrets_of_an_account_can_be_asked_for() -> None:
    """Who writes logs must know what to keep out of them; a key from nowhere holds none."""
    config = parse_config(
        "accounts:\n- {name: a, regions: all, credentials: {type: sts, access_key_id: k,"
        " access_key_secret: hush, security_token: token}}\n- {name: b, regions: all}\n",
        environ={},
    )

    assert [secrets_of(account) for account in config.accounts] == [("hush", "token"), ()]

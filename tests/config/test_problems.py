"""What is wrong with a configuration: told where, what, and what would be right; once, and without what it holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.configurations import BAD, GOOD, plain, schema_errors

from dbs_exporter.config.load import load_config, parse_config
from dbs_exporter.config.problems import suggestion
from dbs_exporter.errors import ConfigError

SAYS = "# says: "
SCHEMA_CANNOT = "# the schema cannot say this"


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
        assert schema_errors(plain(path))


def test_every_message_has_its_own_bad_file() -> None:
    """The table is there: a glob that finds nothing would let everything above pass."""
    assert len(GOOD) >= 15
    assert len(BAD) >= 60


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


def test_the_nearest_word_is_named_or_all_that_are_known() -> None:
    """A slip of the keyboard is answered with what was meant, anything else with what there is."""
    assert suggestion("intervl", ["interval", "enabled"]) == "did you mean 'interval'?"
    assert suggestion("x", ["interval", "enabled"]) == "known are enabled, interval"

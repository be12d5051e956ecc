"""The tree of errors: exit codes, what may be tried again, and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from dbs_exporter import errors
from dbs_exporter.errors import ApiError, BadAnswer, ConfigError, CredentialsError, DbsExporterError, Outcome


def below(kind: type[DbsExporterError]) -> Iterator[type[DbsExporterError]]:
    """Every error of the tree below one."""
    for found in kind.__subclasses__():
        yield found
        yield from below(found)


def test_every_failed_call_has_an_outcome_and_each_outcome_a_failure() -> None:
    """The label `outcome` can have exactly these words, and each but success belongs to an error."""
    kinds = {kind.kind for kind in below(ApiError) if issubclass(kind, ApiError)}

    assert kinds | {"success"} == set(get_args(Outcome))


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (ConfigError, 2),
        (CredentialsError, 3),
        (errors.BadCredentials, 3),
        (errors.NotPermitted, 3),
        (errors.Invalid, 7),
        (errors.Throttled, 4),
        (errors.ServerError, 4),
        (errors.Timeout, 4),
        (errors.Unreachable, 4),
        (errors.BadAnswer, 4),
    ],
)
def test_the_exit_code_says_whose_fault_it_is(kind: type[DbsExporterError], exit_code: int) -> None:
    """2 for the file, 3 for the key, 4 for the cloud, 7 for a request that is wrong."""
    assert kind.exit_code == exit_code


def test_only_what_may_pass_by_itself_is_tried_again() -> None:
    """Neither a refusal nor an answer that cannot be understood gets better by asking again at once."""
    assert {kind for kind in below(ApiError) if issubclass(kind, ApiError) and kind.retryable} == {
        errors.Throttled,
        errors.ServerError,
        errors.Timeout,
        errors.Unreachable,
    }


def test_an_error_tells_operation_code_place_and_request() -> None:
    """What is known of it stands in the sentence, and what is not leaves no gap."""
    whole = BadAnswer("no list", operation="DescribeRegions", code="X", field="Items", request_id="R1")

    assert str(whole) == "DescribeRegions: X: Items: no list (request R1)"
    assert str(BadAnswer("no list")) == "no list"


def test_problems_of_a_configuration_stay_apart() -> None:
    """Each is a line of its own."""
    error = ConfigError("c.yml:1: a", "c.yml:2: b")

    assert error.problems == ("c.yml:1: a", "c.yml:2: b")
    assert str(error) == "c.yml:1: a\nc.yml:2: b"

"""The user's own commands: their environment, their exit code, and what they print."""

from __future__ import annotations

import sys

from support.drilling import PASSWORD

from dbs_exporter.config.drill_file import DestinationConfig
from dbs_exporter.drill.hooks import environment_of, run_command


def run(code: str, environment: dict[str, str] | None = None, timeout: float = 60) -> tuple[str, list[str]]:
    """What came of a program, and what it printed."""
    lines: list[str] = []
    return run_command([sys.executable, "-c", code], environment or {}, timeout, lines.append), lines


def test_the_exit_code_decides() -> None:
    """0 is success; any other is told."""
    assert run("print('counted'); print('well')") == ("", ["| counted", "| well"])
    assert run("import sys; sys.exit('bad')") == (f"{sys.executable} ended with exit code 1", ["| bad"])


def test_a_command_that_is_not_there_or_does_not_end_is_told() -> None:
    """Neither is a traceback, and one that hangs is killed with what it printed so far."""
    problem, lines = run("import time; print('begun', flush=True); time.sleep(60)", timeout=0.5)

    assert (
        run_command(["/not/there"], {}, 1, lines.append)
        == "/not/there cannot be run: No such file or directory"
    )
    assert "did not end within 0 s, and was killed" in problem
    assert lines in (["| begun"], [])


def test_a_command_finds_the_destination_in_its_environment() -> None:
    """Beside the environment of the process; several names are told by lines, and what is not given is empty."""
    destination = DestinationConfig.model_validate(
        {
            "name": "spare",
            "database_type": "MySQL",
            "instance_type": "rds",
            "addresses": ("10.1.2.3",),
            "password": PASSWORD,
        }
    )
    environment = environment_of(destination, plan_id="dbs1", task_id="s1", names=["a", "b"], drop=[])
    problem, lines = run(
        "import os; print(sorted(os.environ.items() & {('DBS_DRILL_HOST', '10.1.2.3'), ('DBS_DRILL_RESTORED', 'a\\nb')}),"
        " 'PATH' in os.environ, repr(os.environ['DBS_DRILL_REGION']))",
        environment,
    )

    assert problem == ""
    assert lines == ["| [('DBS_DRILL_HOST', '10.1.2.3'), ('DBS_DRILL_RESTORED', 'a\\nb')] True ''"]
    assert environment["DBS_DRILL_PASSWORD"] == PASSWORD

"""The parameters of `call`: values, files, standard input, and secrets that never stand on the command line."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.cli.call_parameters import as_parameter, given_parameters

RESTORE = OPERATIONS["CreateRestoreTask"]
SECRET = "DestinationEndpointPassword"


def typed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Give the program this standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_value_is_itself_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """@FILE is the content without a byte order mark and the last line end, - is standard input, @@ an @."""
    file = tmp_path / "objects.json"
    file.write_bytes(b'\xef\xbb\xbf[{"DBName":\n"a"}]\r\n')
    typed(monkeypatch, "geheim ö\n".encode())
    given = (
        "BackupPlanId=a=b",
        f"RestoreObjects=@{file}",
        f"{SECRET}=-",
        "RestoreTaskName=@@home",
        "RestoreDir=",
    )

    assert given_parameters(RESTORE, given) == {
        "BackupPlanId": "a=b",
        "RestoreObjects": '[{"DBName":\n"a"}]',
        SECRET: "geheim ö",
        "RestoreTaskName": "@home",
        "RestoreDir": "",
    }


def test_a_secret_is_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard input is a terminal, a password is typed unseen."""
    asked: list[dict[str, object]] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    def prompt(name: str, **how: object) -> str:
        asked.append({"name": name, **how})
        return "geheim"

    monkeypatch.setattr("click.prompt", prompt)

    assert given_parameters(RESTORE, [f"{SECRET}=-"]) == {SECRET: "geheim"}
    assert asked == [{"name": SECRET, "hide_input": True, "err": True}]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["BackupPlanId"], "'BackupPlanId' is not a parameter; write Name=value"),
        (["=x"], "is not a parameter"),
        (["BackupPlanId=a", "BackupPlanId=b"], "BackupPlanId is given twice"),
        ([f"{SECRET}=geheim"], f"write {SECRET}=@FILE"),
        ([f"{SECRET}="], f"write {SECRET}=@FILE"),
        (["RestoreDir=-", "RestoreHome=-"], "RestoreHome: standard input is read already"),
        (["RestoreDir=@"], "RestoreDir=@ names no file"),
        (
            ["RestoreDir=@/nowhere/at/all"],
            "the file /nowhere/at/all cannot be read: No such file or directory",
        ),
        ([f"{SECRET}=@{{folder}}/two"], "has more than one line"),
        (["RestoreDir=@{folder}/empty"], "is empty"),
        (["RestoreDir=@{folder}/latin"], "is not UTF-8 text"),
        (["RestoreDir=@{folder}/long"], "is larger than 1048576 bytes"),
    ],
)
def test_a_wrong_value_is_named_and_never_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], problem: str
) -> None:
    """The sentence says what would be right, and has no password in it."""
    typed(monkeypatch, b"x")
    (tmp_path / "two").write_text("geheim\ngeheim\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "latin").write_bytes("gehöim".encode("latin-1"))
    (tmp_path / "long").write_bytes(b"x" * 1_048_577)

    with pytest.raises(click.UsageError) as caught:
        given_parameters(RESTORE, [argument.format(folder=tmp_path) for argument in given])

    assert problem in caught.value.message
    assert "geh" not in caught.value.message


@pytest.mark.parametrize(
    ("flag", "arguments", "right"),
    [
        ("--BackupPlanId", ["--BackupPlanId", "dbs1"], "BackupPlanId=dbs1"),
        ("--backup-plan-id", ["--backup-plan-id=dbs1"], "BackupPlanId=dbs1"),
        ("--PageNum", ["--PageNum"], "PageNum=VALUE"),
        ("--RegionId", [], "--region=REGION"),
        (f"--{SECRET}", [f"--{SECRET}", "geheim"], f"{SECRET}=@FILE"),
        ("--nonsense", ["--nonsense", "x"], ""),
    ],
)
def test_a_parameter_that_is_written_as_a_flag_is_recognised(
    flag: str, arguments: list[str], right: str
) -> None:
    """The vendor's own forms become the form that is right here, without the value of a password."""
    assert as_parameter(flag, arguments) == right

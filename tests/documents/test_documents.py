"""The documents: what they say can be run is run, what is generated is fresh, and both languages say the same."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import requests
import yaml
from support.programs import impossible, tool

from dbs_exporter import __version__
from dbs_exporter.cli.main import cli
from dbs_exporter.collectors.reference import entries
from dbs_exporter.config.load import parse_config
from dbs_exporter.drill.textfile import FAMILIES as DRILL_FAMILIES
from dbs_exporter.simulator import World, start_simulator

ROOT = Path(__file__).resolve().parent.parent.parent
READMES = ("README.md", "README.zh-CN.md")
SKIPPED = {"node_modules", ".git", ".tools", "dist", "build"}


def documents(*patterns: str) -> Iterator[Path]:
    """Files of the project by pattern, without what is installed or made."""
    for pattern in patterns:
        for path in sorted(ROOT.rglob(pattern)):
            parts = path.relative_to(ROOT).parts
            if not SKIPPED & set(parts) and not parts[0].startswith(".venv"):
                yield path


MARKDOWN = [path.relative_to(ROOT).as_posix() for path in documents("*.md")]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Every command line of `dbs-exporter` in a document: in code blocks of both forms, and between backticks."""
    fenced = "\n".join(re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    indented = "\n".join(re.findall(r"^ {4,}(.*)$", text, re.MULTILINE))
    inline = "\n".join(re.findall(r"`([^`\n]+)`", text))
    lines = f"{fenced}\n{indented}\n{inline}".replace("\\\n", " ")
    return re.findall(r"(?:^|\$ |&& |; )(?:\S*/)?(dbs-exporter (?:[a-z]|--version).*)", lines, re.MULTILINE)


def test_generated_parts_are_fresh() -> None:
    """Metric tables, configuration reference, dashboards and the chart's copies are what the program makes (`make docs`)."""
    from tools.generate import generated

    stale = [
        path.relative_to(ROOT).as_posix()
        for path, content in generated().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]

    assert stale == []


def test_both_readmes_have_the_same_parts() -> None:
    """The Chinese README has the headings, code blocks, links and table rows of the English one."""
    english, chinese = (text_of(name) for name in READMES)

    def shape(text: str) -> dict[str, list[str]]:
        return {
            "headings": re.findall(r"^(#+) ", text, re.MULTILINE),
            "code": re.findall(r"^```(.*?)^```", text, re.MULTILINE | re.DOTALL),
            "links": sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - set(READMES)),
            "rows": re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE),
        }

    assert shape(chinese) == shape(english)


@pytest.mark.parametrize("name", MARKDOWN)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a document is a file or folder of the project, and every anchor a heading."""
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        address, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        path = (ROOT / name).parent / address if address else ROOT / name
        if not path.exists():
            missing.append(target)
        elif anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            if anchor not in slugs:
                missing.append(target)

    assert missing == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_commands_in_documents_exist(name: str) -> None:
    """Each command and flag that a document shows is one of the program's."""
    wrong = []
    for line in commands(text_of(name)):
        words = re.split(r"[\s,|&]+", line.split("`")[0])[1:]
        command = cli.commands.get(words[0])
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.commands.get(words[1], command)
        if command is None and words[0] != "--version":
            wrong.append(line)
            continue
        known = {"--help", "--version"}
        if command is not None:
            known |= {
                flag
                for parameter in command.params
                if isinstance(parameter, click.Option)
                for flag in parameter.opts
            }
        wrong += [
            f"{word} in: {line}"
            for word in words
            if word.startswith("--") and word.split("=")[0] not in known
        ]

    assert wrong == []


@pytest.mark.parametrize("name", MARKDOWN)
def test_variables_in_documents_exist(name: str) -> None:
    """Each environment variable of the program that a document shows is that of a flag."""
    known = {
        parameter.envvar
        for command in cli.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }

    assert set(re.findall(r"DBS_EXPORTER_[A-Z_]*[A-Z]", text_of(name))) - known == set()


@cache
def known_metrics() -> set[str]:
    """The catalogue's families, what histograms add, the recording rules, and their names' first parts."""
    known = {entry.name for entry in entries()}
    known |= {name for name, _ in DRILL_FAMILIES}
    known |= {f"{name}{suffix}" for name in list(known) for suffix in ("_bucket", "_sum", "_count")}
    for path in (ROOT / "rules").glob("*.rules.yml"):
        known |= set(re.findall(r"^ *-? *record: (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    return known | {name.partition(":")[0] for name in known}


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w:./-])dbs_[a-z_:]+[a-z](?![\w*])", text)) - {"dbs_exporter"}


@pytest.mark.parametrize("name", [*MARKDOWN, "examples/prometheus/prometheus.yml"])
def test_metrics_in_documents_exist(name: str) -> None:
    """Each family that a document names is in the catalogue, or is a recording rule; none that was removed is."""
    removed = re.compile(r"^### Removed\n.*?^(?=##)", re.MULTILINE | re.DOTALL)
    kept, gone = removed.sub("", text_of(name)), "".join(removed.findall(text_of(name)))
    named, named_gone = metrics_in(kept), metrics_in(gone)

    assert named - known_metrics() == set()
    assert named_gone & known_metrics() == set()


PYTHON_BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in MARKDOWN
    for number, block in enumerate(blocks(text_of(name), "python"))
]


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_python_in_documents_runs(block: str, tmp_path: Path) -> None:
    """Each block of Python in a document runs as it stands, in a folder of its own."""
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def make_targets() -> dict[str, str]:
    """The targets of the Makefile that have a help text."""
    return dict(re.findall(r"^([a-z]+):.*## (.*)$", text_of("Makefile"), re.MULTILINE))


def test_make_targets_in_documents_exist() -> None:
    """Each `make` target that a document or a message names is in the Makefile."""
    named = {target for name in MARKDOWN for target in re.findall(r"(?:\$ |`)make ([a-z]+)", text_of(name))}

    assert {"demo", "test"} <= named
    assert named <= set(make_targets())


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in the project."""
    return subprocess.run(
        [tool("make"), "--no-print-directory", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_make_help_lists_every_target() -> None:
    """`make help` prints each target with what it does."""
    said = make("help").stdout

    assert len(make_targets()) >= 10
    for target, what in make_targets().items():
        assert re.search(rf"^{target} +{re.escape(what)}$", said, re.MULTILINE)


def test_make_demo_serves_a_fleet() -> None:
    """The README's first command sets up, prints the addresses, and the page has plans; Ctrl-C ends it."""
    environment = Path(sys.executable).parent.parent
    if make("--question", f"{environment}/run.stamp", f"VENV={environment}").returncode:
        impossible("this environment was not made by `make test`, which would install it first")

    with subprocess.Popen(
        ["make", "--no-print-directory", "demo", f"VENV={environment}"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "DBS_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0"},
    ) as running:  # fmt: skip
        try:
            assert running.stdout is not None
            said = [line for line in iter(running.stdout.readline, "Ctrl-C ends it.\n") if line]
            addresses = dict(re.findall(r"^(.*?): +(http://\S+)$", "".join(said), re.MULTILINE))
            page = requests.get(addresses["metrics"], timeout=30).text
        finally:
            os.killpg(running.pid, signal.SIGINT)
        left = running.communicate(timeout=30)

    assert "dbs_exporter_build_info" in page
    assert addresses["status page"].startswith("http://127.0.0.1:")
    assert "Traceback" not in str(left)


def test_the_readmes_configuration_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first lines of YAML are accepted, and `dbs-exporter check` finds all well with them on a simulated cloud."""
    block = blocks(text_of("README.md"), "yaml")[0]
    given = yaml.safe_load(block)
    assert len(block.splitlines()) <= 10
    assert parse_config(block).accounts[0].name == "prod"

    with start_simulator(World(plans=6)) as simulator:
        given["accounts"][0]["endpoint"] = simulator.url
        (tmp_path / "dbs-exporter.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
        (line,) = (
            line
            for line in blocks(text_of("README.md"), "console")[-1].splitlines()
            if line.startswith("$ dbs-exporter check")
        )
        done = subprocess.run(
            [sys.executable, "-m", "dbs_exporter", *line.split()[2:]],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            env={
                **os.environ,
                "ALIBABA_CLOUD_ACCESS_KEY_ID": "testak",
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsk",
                "COLUMNS": "200",
            },
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "cn-hangzhou" in done.stdout


def test_the_configuration_of_prometheus_is_the_example() -> None:
    """What docs/start.md says to write is the example, with the test alert."""
    written = yaml.safe_load(blocks(text_of("docs/start.md"), "yaml")[1])
    example = yaml.safe_load(text_of("examples/prometheus/prometheus.yml"))

    assert written == {**example, "rule_files": [*example["rule_files"], "test-alert.rules.yml"]}


def test_what_was_never_run_is_said_once() -> None:
    """That no live account was at hand stands in the README, and in the table of what was run; what asks for reports leads there."""
    said = {
        name
        for name in MARKDOWN
        if re.search(r"live\s+(?:DBS\s+)?(?:service|account|cluster)", text_of(name))
    }

    assert said == {"README.md", "docs/install.md", "docs/troubleshooting.md"}
    assert "(../README.md#what-it-was-never-run-against)" in text_of("docs/troubleshooting.md")


def tracked() -> list[str]:
    """Names of the files under version control."""
    git = tool("git")
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    # In a job's container the checkout is another user's, which git refuses to read otherwise.
    command = [git, "-c", f"safe.directory={ROOT}", "ls-files"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_nothing_names_a_developers_machine() -> None:
    """No file holds the checkout's path or a home directory, and no lock the address of an index."""
    found = []
    for name in tracked():
        try:
            text = text_of(name)
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        if len(ROOT.parts) > 2 and re.search(rf"{re.escape(str(ROOT))}\b", text):
            found.append(f"{name}: the path of this checkout")
        if re.search(r"(?<![\w.~}])/(home|Users)/\w+", text):
            found.append(f"{name}: a home directory")
        if name.startswith("requirements/") and "://" in text:
            found.append(f"{name}: an index's address")
        if name.endswith("package-lock.json") and '"resolved"' in text:
            found.append(f"{name}: a registry's address")

    assert found == []


def test_the_changelog_has_this_version() -> None:
    """The newest section of the changelog is the package's version."""
    (newest, *_) = re.findall(r"^## \[(.*?)\]", text_of("CHANGELOG.md"), re.MULTILINE)

    assert newest == __version__

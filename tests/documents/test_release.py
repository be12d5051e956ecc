"""What a release is made of: `.ci/names`, `.ci/release`, and what the workflows may do; GitHub's runners are not at hand."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chart_rendering import helm

from dbs_exporter import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
UPSTREAM = "dbs-exporter/dbs-exporter"
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
FAKE = """#!/usr/bin/env bash
printf '%s %s\\n' "${0##*/}" "$*" >> "${0%/*}/asked"
while [ $# -gt 0 ]; do if [ "$1" = --out-dir ]; then touch "$2/made.whl"; fi; shift; done
"""


def names(*arguments: str) -> dict[str, str]:
    """What `.ci/names` prints; an AssertionError with its message if it refuses."""
    done = subprocess.run(
        [ROOT / ".ci" / "names", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(("version", "tags"), [("1.20.3", "1.20.3 1.20 latest"), ("1.0.0rc1", "1.0.0rc1")])
def test_a_release_is_latest_but_a_candidate_is_not(version: str, tags: str) -> None:
    """The image of a release gets X.Y and latest as well; the documents run `latest`."""
    assert names(f"v{version}", UPSTREAM) == {
        "version": version,
        "image": "ghcr.io/dbs-exporter/dbs-exporter",
        "charts": "ghcr.io/dbs-exporter/charts",
        "tags": tags,
    }


def test_a_forks_names_are_its_own_in_lower_case() -> None:
    """A registry refuses capitals, and nothing goes where upstream's lies."""
    assert names("v1.0.0", "Some-One/DBS")["image"] == "ghcr.io/some-one/dbs"
    assert names("v1.0.0", "Some-One/DBS")["charts"] == "ghcr.io/some-one/charts"


@pytest.mark.parametrize("tag", ["1.0.0", "v1.0", "v1.0.0-rc.1", "vnext"])
def test_a_tag_that_is_no_version_is_refused(tag: str) -> None:
    """The message says what would be right."""
    with pytest.raises(AssertionError, match=r"is no v1\.2\.3"):
        names(tag, UPSTREAM)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What `.ci/release` works on, with a date in the changelog; uv and twine note what they are asked."""
    for name in (".ci/release", "dbs_exporter/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "helm" / "dbs-exporter", tmp_path / "helm" / "dbs-exporter")
    changelog = (ROOT / "CHANGELOG.md").read_text()
    heading = f"## [{__version__}] - "
    dated = re.sub(rf"{re.escape(heading)}.*", f"{heading}2027-01-31", changelog)
    (tmp_path / "CHANGELOG.md").write_text(f"{dated}\n## [0.0.1] - 2026-01-01\n\nThe one before.\n")
    for name in ("uv", "twine"):
        program = tmp_path / "venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(FAKE)
        program.chmod(0o755)
    return tmp_path


def release(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `.ci/release` in the copy."""
    return subprocess.run(
        [copy / ".ci" / "release", *arguments],
        env={"VENV": str(copy / "venv"), "HELM": helm(), "PATH": "/usr/bin:/bin", "HOME": str(copy)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def chart(folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of the packaged chart's two files."""
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        for name in ("Chart.yaml", "values.yaml"):
            member = archive.extractfile(f"dbs-exporter/{name}")
            assert member is not None
            yield name, yaml.safe_load(member.read())


def test_packages_chart_and_notes_are_made_once(copy: Path) -> None:
    """uv builds, twine checks what it built, the chart has the release's version, and the notes are this version's alone."""
    folder = copy / "out"
    done = release(copy, __version__, UPSTREAM, str(folder))
    notes = (folder / "notes.md").read_text()
    packed = dict(chart(folder))

    assert done.returncode == 0, done.stderr
    assert (copy / "venv" / "bin" / "asked").read_text().splitlines()[
        -1
    ] == f"twine check --strict {folder}/made.whl"
    assert {path.name for path in folder.iterdir()} == {
        "made.whl",
        f"dbs-exporter-{__version__}.tgz",
        "notes.md",
    }
    assert (packed["Chart.yaml"]["version"], packed["Chart.yaml"]["appVersion"]) == (__version__, __version__)
    assert packed["values.yaml"]["image"]["repository"] == UPSTREAM
    assert "### Added" in notes
    assert "The one before" not in notes
    assert "## [" not in notes


def test_a_candidates_chart_has_the_version_that_helm_takes(copy: Path) -> None:
    """1.0.0rc1 is no version of a chart; its image is that of the candidate, and its page is no latest release."""
    code = copy / "dbs_exporter" / "__init__.py"
    code.write_text(code.read_text().replace(__version__, "1.0.0rc1"))
    changelog = copy / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace(f"[{__version__}]", "[1.0.0rc1]"))
    done = release(copy, "1.0.0rc1", UPSTREAM, str(copy / "out"))

    assert done.returncode == 0, done.stderr
    packed = dict(chart(copy / "out"))["Chart.yaml"]
    assert (packed["version"], packed["appVersion"]) == ("1.0.0-rc1", "1.0.0rc1")
    assert (
        "if [[ $VERSION =~ [a-z] ]]; then kind=--prerelease; fi"
        in jobs("release")["release"]["steps"][-1]["run"]
    )


def test_the_chart_of_a_fork_takes_the_forks_image(copy: Path) -> None:
    """In lower case; its links lead to the fork, and the reloader's image stays."""
    done = release(copy, __version__, "Some-One/DBS", str(copy / "out"))
    packed = dict(chart(copy / "out"))

    assert done.returncode == 0, done.stderr
    assert packed["values.yaml"]["image"]["repository"] == "some-one/dbs"
    assert packed["values.yaml"]["configReloader"]["image"]["repository"].startswith("prometheus-operator/")
    assert packed["Chart.yaml"]["home"] == "https://github.com/Some-One/DBS"


def test_a_version_without_notes_or_of_other_code_is_no_release(copy: Path) -> None:
    """Nothing is built, and the message says which file to mend."""
    other = release(copy, "9.9.9", UPSTREAM, str(copy / "out"))
    changelog = copy / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("2027-01-31", "Unreleased"))
    undated = release(copy, __version__, UPSTREAM, str(copy / "out"))

    assert (other.returncode, undated.returncode) == (1, 1)
    assert "dbs_exporter/__init__.py has another version than 9.9.9" in other.stderr
    assert f"CHANGELOG.md needs the heading: ## [{__version__}] - YEAR-MONTH-DAY" in undated.stderr
    assert not (copy / "out").exists()


def jobs(workflow: str) -> dict[str, Any]:
    """The jobs of a workflow by name."""
    found: dict[str, Any] = WORKFLOWS[workflow]["jobs"]
    return found


def before(job: str) -> set[str]:
    """Every job that must have ended before this one of the release."""
    needs = jobs("release")[job].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(before(name) for name in direct))


def test_nothing_is_published_before_all_is_tested_tried_and_signed() -> None:
    """Tests, build, image, trial, signature; then the index, which cannot be undone; then names and the release's page."""
    assert before("image") == {"ci", "build"}
    assert before("sign") == {"ci", "build", "image", "try"}
    assert before("pypi") == before("sign") | {"sign"}
    assert before("names") == before("pypi") | {"pypi"}
    assert before("release") == set(jobs("release")) - {"release"}
    assert "push-by-digest=true" in str(jobs("release")["image"])
    assert UPSTREAM in jobs("release")["pypi"]["if"]


def test_the_image_is_tried_as_the_documents_run_it() -> None:
    """With its port reachable from outside the container, without rights, on both architectures, by its digest."""
    job = jobs("release")["try"]
    (run,) = (step["run"] for step in job["steps"] if "run" in step)
    documented = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")

    assert "demo --web.listen-address=:10033" in run
    assert "demo --web.listen-address=:10033" in documented
    assert "--read-only --cap-drop=all --security-opt=no-new-privileges" in run
    assert "@${{ needs.image.outputs.digest }}" in job["steps"][-1]["env"]["IMAGE"]
    assert len(job["strategy"]["matrix"]["runner"]) == 2


def test_a_job_that_may_sign_installs_nothing() -> None:
    """It runs actions by hash, cosign, and moves files; packages are built elsewhere."""
    signing = [job for job in jobs("release").values() if "id-token" in job.get("permissions", {})]

    assert len(signing) == 3
    for step in (step for job in signing for step in job["steps"]):
        assert not re.search(r"checkout|setup-", step.get("uses", ""))
        assert re.fullmatch(r"|cosign sign --yes .*|mkdir dist && mv .*", step.get("run", ""))


def test_what_a_workflow_installs_is_locked_by_hash() -> None:
    """Each pip asks for hashes; each action is named by its commit, each base image by its digest."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text()
        for line in re.findall(r"^.*\bpip\b.* install .*$", text, re.MULTILINE):
            assert "--require-hashes --only-binary=:all:" in line
        for used in re.findall(r"uses: (\S+)", text):
            assert used.startswith("./") or re.search(r"@[0-9a-f]{40}$", used)
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert re.search(
        r"^ARG PYTHON_IMAGE=\S+:3\.\d+-slim-trixie@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE
    )
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {
        "${PYTHON_IMAGE}",
        "build",
        "scratch",
    }
    assert all("--require-hashes" in line for line in re.findall(r"pip install.* -r .*", dockerfile))
    assert "--build-constraints requirements/build.txt" in dockerfile


def test_ci_tries_every_python_that_the_package_names() -> None:
    """The matrix is that of the classifiers; a candidate may break none of them unseen."""
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())

    assert jobs("ci")["pythons"]["strategy"]["matrix"]["python"] == named


def test_the_job_that_runs_everything_has_the_rights_that_containers_need() -> None:
    """buildah and podman mount and start containers inside the job's container, with their storage in a volume."""
    container = jobs("ci")["everything"]["container"]

    assert container["options"] == "--privileged --cgroupns=host"
    assert container["volumes"] == ["containers:/var/lib/containers"]
    assert jobs("ci")["everything"]["steps"][-1]["run"] == "bash .ci/run"

"""docs/dependencies.md: what each dependency brings, its licence, its weight, and why it is there.

Read from the lock and from the metadata of what is installed, for Linux and the oldest Python. A weight depends on where it is
measured, so it is measured when a release is new to the page and stays as it stands until the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "dependencies.md"
REASONS = {
    "alibabacloud-credentials": "the vendor's chain of credentials: profiles, ECS roles, assumed roles, RRSA; what users expect",
    "apscheduler": "when the queue of readings is looked at; the vendor's library brings it as well",
    "bcrypt": "passwords in the file of `--web.config.file`, whose format asks for it",
    "click": "the command line",
    "httptools": "reads HTTP requests; with limits of ours on top (`web/connections.py`)",
    "jinja2": "the status page",
    "msgspec": "facts and the API's answers: fast, small, typed",
    "prometheus-client": "escaping and both text formats",
    "pydantic": "the configuration, its errors and its schema",
    "pyyaml": "configuration files",
    "requests": "calls to the API",
    "rich": "tables of `check`, `state` and `metrics` at a terminal",
    "starlette": "routes and answers",
    "uvicorn": "the web server",
    "uvloop": "the web server's event loop; not on Windows",
}
"""Why each direct dependency is there."""
LICENCES = {
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Names of licences that packages give in their own words."""
HEAD = """# Dependencies

<!-- Made by `make docs` from requirements/run.txt and the packages' own metadata. -->

What `pip install dbs-exporter` brings, on Linux and Python 3.11. Everything is locked with hashes in `requirements/`; what the tests and
a release need is in locks of its own. Weights are of the installed files without bytecode, in MB.

"""
FOOT = """
## What could be lighter

- **The vendor's credential library** brings {chain} MB that nothing else needs: {alone}. They serve
  its asynchronous half, which is not called here; with a plain access key the library is not even imported. What has no wheel is built
  at installation. The library stays for now, because its chain of sources is what users know from other tools. Providers of our own over
  the signing that is there would take STS AssumeRole and AssumeRoleWithOIDC, the metadata service of ECS, the file of profiles, and
  their renewal: some 600 lines and as many of tests, by estimate. They would save the weight, the build, and a release for each CVE of aiohttp.
- **uvloop and httptools** are no extras: at 100,000 series a scrape costs 0.26 ms of CPU with both and 0.51 ms with asyncio and h11; it
  takes 0.95 times what nginx takes for the same file, against 1.74 times, and 1.2 is promised ([performance.md](performance.md),
  `python -m bench.wire`). Without uvloop alone it is 1.27 times. The limits on connections build on httptools.
- **rich** weighs with pygments, which it colours code with; here it draws tables only.
"""


def locked() -> dict[str, str]:
    """Return name and version of each package that the lock has for Linux."""
    pins: dict[str, str] = {}
    for line in (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            pin = Requirement(line.rstrip("\\ "))
            if holds(pin):
                pins[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    return pins


def holds(requirement: Requirement) -> bool:
    """Return whether a requirement is one on Linux and the oldest Python."""
    environment = {
        "extra": "",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": "3.11.0",
        "python_version": "3.11",
        "sys_platform": "linux",
    }
    return requirement.marker is None or bool(requirement.marker.evaluate(environment))


def needs(name: str, pins: dict[str, str]) -> list[str]:
    """Return what a locked package requires itself."""
    required = (Requirement(text) for text in distribution(name).requires or ())
    return sorted(
        {key for each in required if holds(each) and (key := str(canonicalize_name(each.name))) in pins}
    )


def reached(names: list[str], pins: dict[str, str]) -> set[str]:
    """Return these packages and all that they bring."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs(name, pins))
    return found


def direct() -> list[str]:
    """Return the dependencies that pyproject.toml names."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return sorted(canonicalize_name(Requirement(text).name) for text in project["dependencies"])


def licence(package: Distribution) -> str:
    """Return a package's licence, as an SPDX expression where it says so."""
    stated = package.metadata.json.get("license_expression")
    if stated:
        return str(stated)
    classifiers = package.metadata.json.get("classifier", [])
    names = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License ::")]
    names = names or [str(package.metadata.json.get("license", "?"))]
    return ", ".join(LICENCES.get(name, name) for name in names)


def weight(package: Distribution) -> float:
    """Return the MB of a package's files, without bytecode."""
    files = package.files or []
    paths = [Path(str(package.locate_file(file))) for file in files if not str(file).endswith(".pyc")]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def has_no_wheel(name: str) -> bool:
    """Return whether the lock knows one file of a package alone: its sources."""
    text = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    (entry,) = re.findall(rf"^{re.escape(name)}==.*\n((?:    .*\n)*)", text, re.MULTILINE)
    return str(entry).count("--hash=") == 1


def known_weights() -> Iterator[tuple[tuple[str, str], str]]:
    """Yield (name, version) and the weight that the page has now."""
    if PAGE.is_file():
        for name, version, mb in re.findall(
            r"^\| `([^`]+)` \| (\S+) .*\| ([\d.]+) \|[^|]*\|[^|]*\|$",
            PAGE.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            yield (name, version), mb


def as_markdown() -> str:
    """Return the page."""
    pins, chosen, weights = locked(), direct(), dict(known_weights())
    if set(chosen) != set(REASONS):
        raise SystemExit(
            f"tools/dependencies.py gives reasons for {sorted(set(REASONS) ^ set(chosen))}, or none"
        )
    mb = {
        name: weights.get((name, version)) or f"{weight(distribution(name)):.1f}"
        for name, version in pins.items()
    }
    rows = []
    for name in [*chosen, *sorted(set(pins) - set(chosen))]:
        bringing = [other for other in chosen if name in reached([other], pins) and other != name]
        reason = REASONS.get(name) or "of " + ", ".join(f"`{other}`" for other in bringing)
        brings = ", ".join(f"`{other}`" for other in needs(name, pins))
        build = " (no wheel)" if has_no_wheel(name) else ""
        rows.append(
            f"| `{name}` | {pins[name]}{build} | {licence(distribution(name))} | {mb[name]} | {brings} | {reason} |"
        )
    others = reached([name for name in chosen if name != "alibabacloud-credentials"], pins)
    alone = sorted(set(pins) - others)
    foot = FOOT.format(
        chain=f"{sum(float(mb[name]) for name in alone):.0f}",
        alone=", ".join(f"`{name}`" for name in alone if not name.startswith("alibabacloud")),
    )
    total = sum(map(float, mb.values()))
    return (
        HEAD
        + f"{len(pins)} packages, {total:.0f} MB; {len(chosen)} of them are named in `pyproject.toml`, and stand first.\n\n"
        + "| package | version | licence | MB | brings | why it is there |\n| --- | --- | --- | --- | --- | --- |\n"
        + "\n".join(rows)
        + "\n"
        + foot
    )

"""Put together the file system of the image: Python, the environment in /app, what both need, and nothing else.

Runs in the Dockerfile's first stage, on the standard library alone: `python3 image_root.py TARGET`. No shell, no package manager
and no pip get there. /var/lib/dpkg/status.d names the Debian packages that files were taken from, for scanners.
"""

from __future__ import annotations

import compileall
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

APP = Path("/app")
STDLIB = Path(sysconfig.get_path("stdlib"))
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
SINGLE_FILES = (
    BUNDLE,
    Path("/usr/lib/ssl/openssl.cnf"),
    Path("/etc/os-release"),
    Path("/etc/debian_version"),
)
ZONES = Path("/usr/share/zoneinfo")
USER = 65532
NOT_NEEDED = (
    "__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "dist-packages", "tkinter", "turtledemo", "venv",
    "config-3*", "readline.*", "_curses*", "_dbm*", "_gdbm*", "_tkinter*", "_test*", "_xxtest*", "xxlimited*", "xxsubtype*",
)  # fmt: skip
"""Of the standard library: what serves a prompt, an installation or Python's own tests."""
OWNED = (STDLIB / "os.py", STDLIB / "sqlite3" / "__init__.py", Path("/usr/sbin/update-ca-certificates"))
"""One file of each package from which whole folders or files made by it are copied."""


def main(arguments: list[str]) -> int:
    """Make the tree in the directory that the argument names."""
    target = Path(arguments[0])
    for name in ("dev", "etc", "proc", "sys", "tmp", "usr"):
        (target / name).mkdir(parents=True)
    (target / "tmp").chmod(0o1777)
    for link in Path("/").glob("lib*"):  # /lib is usr/lib, and so on.
        if link.is_symlink():
            (target / link.name).symlink_to(link.readlink())
    copy_tree(STDLIB, target, NOT_NEEDED)
    shutil.rmtree(inside(target, STDLIB / "test"), ignore_errors=True)
    copy_tree(APP, target, ("__pycache__",))
    for script in inside(target, APP / "bin").iterdir():
        if script.name not in {"dbs-exporter", "python", "python3"}:
            script.unlink()
    for folder in (STDLIB, APP):  # Nothing is compiled at run time, where nothing can be written.
        compileall.compile_dir(inside(target, folder), quiet=1, stripdir=str(target))

    interpreter = list(chain(APP / "bin" / "python"))
    modules = [path for folder in (STDLIB, APP) for path in inside(target, folder).rglob("*.so")]
    files = {*interpreter, *libraries([interpreter[-1], *modules], target)}
    files |= {file for path in SINGLE_FILES if path.exists() for file in chain(path)}
    for file in files:
        copy(file, target)
    if ZONES.is_dir():
        copy_tree(ZONES, target)
    bundle = inside(target, Path("/usr/lib/ssl/cert.pem"))  # where OpenSSL looks, if nothing else is said
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.symlink_to(BUNDLE)
    write(
        target / "etc/passwd", f"root:x:0:0:root:/:/none\ndbs-exporter:x:{USER}:{USER}:dbs-exporter:/:/none\n"
    )
    write(target / "etc/group", f"root:x:0:\ndbs-exporter:x:{USER}:\n")
    write(target / "etc/nsswitch.conf", "hosts: files dns\n")
    write(target / "etc/ld.so.conf", "/usr/local/lib\n")
    subprocess.run(["ldconfig", "-r", target], check=True)
    name_packages([*files, *OWNED, ZONES / "UTC"], target)
    return 0


def inside(target: Path, path: Path) -> Path:
    """Return where an absolute path lies in the tree."""
    return target / path.relative_to("/")


def copy_tree(folder: Path, target: Path, without: Iterable[str] = ()) -> None:
    """Copy a folder, without what these patterns name at any depth."""
    shutil.copytree(folder, inside(target, folder), symlinks=True, ignore=shutil.ignore_patterns(*without))


def chain(path: Path) -> Iterator[Path]:
    """Yield a file and, if it is a link, all it leads to; the folders on the way are real ones."""
    path = path.parent.resolve() / path.name
    yield path
    if path.is_symlink():
        yield from chain(path.parent / path.readlink())


def libraries(binaries: Iterable[Path], target: Path) -> set[Path]:
    """Return the shared libraries that these programs and modules are linked with, and the loader; not those of the tree itself."""
    found: set[Path] = set()
    for binary in binaries:
        done = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False)
        if "not found" in done.stdout:
            raise SystemExit(f"{binary} lacks a library:\n{done.stdout}")
        found.update(Path(name) for name in re.findall(r"(/\S+) \(0x", done.stdout))
    return {file for path in found if not path.is_relative_to(target) for file in chain(path)}


def copy(path: Path, target: Path) -> None:
    """Copy a file or a link to the same place in the tree."""
    place = inside(target, path)
    if not place.is_symlink() and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)


def write(path: Path, content: str) -> None:
    """Write a small file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def name_packages(files: Iterable[Path], target: Path) -> None:
    """Note which Debian packages the files are from, with their licences; those of no package are passed over."""
    names = set()
    for file in files:
        for place in (str(file), str(file).removeprefix("/usr")):  # dpkg may know it by its old place
            done = subprocess.run(["dpkg-query", "-S", place], capture_output=True, text=True, check=False)
            names.update(re.findall(r"^([^\s:,]+)(?::\w+)?: /", done.stdout, re.MULTILINE))
    for name in sorted(names):
        status = subprocess.run(["dpkg-query", "-s", name], capture_output=True, text=True, check=True).stdout
        write(target / "var/lib/dpkg/status.d" / name, status)
        licence = Path("/usr/share/doc", name, "copyright")
        if licence.exists():
            for path in chain(licence):
                copy(path, target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

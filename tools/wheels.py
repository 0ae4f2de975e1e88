"""The distributions of this checkout: what they declare, and their wheels, each built once.

`wheel` keeps the wheel of a distribution under .nox/wheels/<dist>-<digest of what it is built from>/ and builds only
when that changed, so that all sessions of a run, and the next run, share it. Every wheel is built from the sdist: each
test therefore shows that the sdist is whole.
"""

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "packages"
STORE = ROOT / ".nox" / "wheels"
BUILDER = ROOT / ".nox" / "builder"
PINS = ROOT / "tools" / "requirements" / "build.txt"

# From the lowest layer up.
DISTRIBUTIONS = ("courser-models", "courser-transport", "courser-auth", "courser-client", "courser")


# What a distribution says of itself.


def import_name(distribution: str) -> str:
    return distribution.replace("-", "_")


def sources(distribution: str) -> Path:
    return PACKAGES / distribution / "src" / import_name(distribution)


def metadata(distribution: str) -> dict:
    """Return the [project] table of a distribution's pyproject.toml."""
    return tomllib.loads((PACKAGES / distribution / "pyproject.toml").read_text("utf-8"))["project"]


def dependencies(distribution: str) -> list[str]:
    """Return the requirements that a distribution declares, as written."""
    return metadata(distribution).get("dependencies", [])


def extras(distribution: str) -> dict[str, list[str]]:
    """Return the requirements of a distribution's extras, by their names."""
    return metadata(distribution).get("optional-dependencies", {})


def project_of(requirement: str) -> str:
    """Return the project that a requirement names: `h11` for `h11>=0.16,<0.17`."""
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def version(distribution: str) -> str:
    text = (sources(distribution) / "_version.py").read_text("utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def with_siblings(distribution: str) -> list[str]:
    """Return the distribution and the siblings it declares, directly or through another, lowest layer first."""
    wanted = {distribution}
    for candidate in reversed(DISTRIBUTIONS):
        if candidate in wanted:
            wanted.update(name for name in map(project_of, dependencies(candidate)) if name in DISTRIBUTIONS)
    return [name for name in DISTRIBUTIONS if name in wanted]


# What is built from it.


def wheel(distribution: str) -> Path:
    """Return the wheel of a distribution as its files are now."""
    return _wheel_of(PACKAGES / distribution)


def lowest_installation(distribution: str) -> list[str]:
    """Return the distribution's wheel and the lowest version of everything that its and its siblings' ranges allow.

    All that its own extras name is part of it, and of its siblings' extras those that are asked for.
    """
    lowest: dict[str, tuple[int, ...]] = {}
    markers: dict[str, str] = {}
    requirements = [line for name in with_siblings(distribution) for line in dependencies(name)]
    requirements += [line for lines in extras(distribution).values() for line in lines]
    for requirement in list(requirements):
        if wanted := re.match(r"([\w.-]+)\[([\w, -]+)\]", requirement):
            offered = extras(wanted[1])
            requirements += [line for name in wanted[2].split(",") for line in offered[name.strip()]]
    for requirement in requirements:
        if not (bound := re.search(r"(?:>=|~=|==)\s*(\d+(?:\.\d+)*)", requirement)):
            raise RuntimeError(f"{requirement!r} has no lower bound, so there is no floor to test")
        project, parts = project_of(requirement), tuple(map(int, bound[1].split(".")))
        lowest[project] = max(lowest.get(project, ()), parts)
        markers[project] = requirement.partition(";")[2]
    siblings = [_wheel_at(name, lowest[name]) for name in DISTRIBUTIONS if name in lowest]
    others = [
        f"{name}=={'.'.join(map(str, parts))}" + (f";{markers[name]}" if markers[name] else "")
        for name, parts in lowest.items()
        if name not in DISTRIBUTIONS
    ]
    return [str(wheel(distribution)), *map(str, siblings), *others]


def build(source: Path, folder: Path) -> None:
    """Build the sdist of a source tree, and the wheel from that sdist, into a folder."""
    command = [_builder(), "-m", "build", "--no-isolation", "--outdir", folder, source]
    outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if outcome.returncode != 0:
        raise RuntimeError(f"{outcome.stdout}\nbuilding {source.name} failed")


def _wheel_of(source: Path) -> Path:
    folder = STORE / f"{source.name}-{_digest(source)}"
    if not folder.exists():
        print(f"building the wheel of {source.name}", flush=True)
        STORE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=STORE) as unfinished:
            build(source, Path(unfinished, "done"))
            Path(unfinished, "done").rename(folder)
    return next(folder.glob("*.whl"))


def _wheel_at(distribution: str, lowest: tuple[int, ...]) -> Path:
    """Return a sibling's wheel at a version: this checkout's when it is that version, else the one at its tag."""
    parts = (*lowest, 0, 0)[:3]
    wanted = ".".join(map(str, parts))
    if wanted == version(distribution):
        return wheel(distribution)
    tag = f"{distribution}-{wanted}"
    command = ["git", "-C", ROOT, "archive", "--format=tar", tag, f"packages/{distribution}"]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode != 0:
        raise RuntimeError(
            f"{distribution} {wanted} is the lowest version allowed, and there is no tag {tag} to build it from"
        )
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
        return _wheel_of(Path(folder, "packages", distribution))


def _digest(source: Path) -> str:
    """Digest all that a wheel is built from, by path and content."""
    sums = hashlib.sha256()
    for path in sorted([*source.glob("*.*"), source / "LICENSE", *(source / "src").rglob("*")]):
        if path.is_file() and path.suffix != ".pyc":
            content = path.read_bytes()
            sums.update(f"{path.relative_to(source).as_posix()} {len(content)}\n".encode() + content)
    return sums.hexdigest()[:16]


def _builder() -> Path:
    """Return the Python of the environment that builds, made when it is missing or its pins changed."""
    python = BUILDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    made_with = BUILDER / "made-with.txt"
    pins = PINS.read_text("utf-8")
    if not made_with.exists() or made_with.read_text("utf-8") != pins:
        shutil.rmtree(BUILDER, ignore_errors=True)
        # virtualenv comes with nox itself, so it is here wherever a noxfile runs.
        subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", BUILDER], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", PINS], check=True)
        made_with.write_text(pins, "utf-8")
    return python

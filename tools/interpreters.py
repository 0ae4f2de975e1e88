"""Which of the Pythons we support does this machine have, and where?

A name on PATH is not yet a Python: pyenv puts a `python3.12` there that only complains until that version is selected.
So every candidate is run, and counts when it answers with the version asked for.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
RUNNING = "{}.{}".format(*sys.version_info[:2])


def find_interpreters() -> dict[str, Path]:
    """Return the supported versions that work here, the running one first, each with its interpreter."""
    found = {RUNNING: Path(sys.executable)} if RUNNING in SUPPORTED else {}
    for version in SUPPORTED:
        if version in found:
            continue
        for command in _candidates(version):
            interpreter = _ask(command, version)
            if interpreter is not None:
                found[version] = interpreter
                break
    return found


def prefer_on_path(interpreters: dict[str, Path]) -> None:
    """Let nox find them by name: put those that PATH hides, or lacks, at its front."""
    for version, path in interpreters.items():
        if version != RUNNING and shutil.which(f"python{version}") != str(path):
            os.environ["PATH"] = os.pathsep.join([str(path.parent), os.environ.get("PATH", "")])


def _candidates(version: str) -> Iterator[list[str]]:
    if named := shutil.which(f"python{version}"):
        yield [named]
    if launcher := shutil.which("py"):  # Windows
        yield [launcher, f"-{version}"]
    for root in _pyenv_roots():
        for python in sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True):
            yield [str(python)]


def _pyenv_roots() -> Iterator[Path]:
    if "PYENV_ROOT" in os.environ:
        yield Path(os.environ["PYENV_ROOT"])
    # The folder of shims tells where pyenv lives even when HOME is another today.
    for folder in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        if folder.name == "shims":
            yield folder.parent
    if pyenv := shutil.which("pyenv"):
        answer = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    yield Path.home() / ".pyenv"


def _ask(command: list[str], version: str) -> Path | None:
    """Run a candidate; return the interpreter it really is, or None when it is not this version or does not work."""
    question = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
    try:
        answer = subprocess.run([*command, "-c", question], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.splitlines()
    if answer.returncode != 0 or len(lines) != 2 or lines[0] != version:
        return None
    return Path(lines[1])

"""An environment for each peer, made from `peers/<name>.txt` and kept for the next run.

Each has its own because they do not go together: niquests puts its own urllib3 in the place of the real one, and one
that does not install here must not take the others with it. Such a peer is named and left out. Only wheels are
installed: a peer that would have to be compiled first counts as one that does not install.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

PINS = Path(__file__).with_name("peers")


@dataclass
class Environments:
    """Which Python runs a client, ours unless there is another; and who was left out, with the reason in one line."""

    pythons: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def python(self, client: str) -> str:
        return self.pythons.get(client, sys.executable)


def prepare(clients: Iterable[str], folder: Path | None, say: Callable[[str], None]) -> Environments:
    """Make the environments of these clients below `folder`, where they are not there yet; without it there are none.

    Clients without a file of pins (courser and the floor) run in our own.
    """
    environments = Environments()
    if folder is None:
        return environments
    for client in clients:
        pins = PINS / f"{client}.txt"
        if not pins.exists():
            continue
        try:
            environments.pythons[client] = _python_with(client, pins.read_text("utf-8"), folder, say)
        except _NotInstalled as error:
            environments.left_out[client] = str(error)
            say(f"{client} is left out: {error}")
    return environments


class _NotInstalled(Exception):
    """The environment could not be made; the message is what the installer said last."""


def _python_with(client: str, pins: str, folder: Path, say: Callable[[str], None]) -> str:
    digest = hashlib.sha256(f"{sys.version}\n{pins}".encode()).hexdigest()[:12]
    environment = folder / f"{client}-{digest}"
    python = environment / "bin" / "python"
    finished = environment / "finished.txt"
    if finished.exists():
        return str(python)

    say(f"making the environment of {client}")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{client}-*"):
        shutil.rmtree(old)
    _run(sys.executable, "-m", "virtualenv", "--quiet", str(environment))
    install = ["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    _run(str(python), "-m", "pip", *install, *pins.split())
    finished.write_text(pins, "utf-8")
    return str(python)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")]
        raise _NotInstalled((errors or lines or ["the installer said nothing"])[-1].removeprefix("ERROR: "))

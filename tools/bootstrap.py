"""Run a nox session on a machine that has nothing but Python: `python3 tools/bootstrap.py <session> [-- arguments]`.

Makes an environment with nox under .nox/bootstrap, once, and runs the session there; `demo` and `test` are the two that
the README names. Standard library only, and written so that old Pythons, down to 2.7, can read it and say that they
are too old.
"""

from __future__ import print_function

import io
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOME = os.path.join(ROOT, ".nox", "bootstrap")
PYTHON = os.path.join(HOME, "Scripts", "python.exe") if os.name == "nt" else os.path.join(HOME, "bin", "python")
PINS = os.path.join(ROOT, "tools", "requirements", "nox.txt")
# Written last, with what the environment was made of: without it the environment was never finished.
FINISHED = os.path.join(HOME, "finished.txt")

TOO_OLD = (
    "courser needs Python 3.11 or newer, and this is Python {}.{}; "
    "install a newer one and run this with it, e.g. `python3.11 tools/bootstrap.py test`"
)
NO_VENV = (
    "this Python cannot make virtual environments ({}); "
    "install its venv module, e.g. `apt-get install python3-venv`, and run this again"
)
NO_SESSION = "say which session to run, e.g. `python3 tools/bootstrap.py test` or `python3 tools/bootstrap.py demo`"
NO_NOX = "nox could not be installed into .nox/bootstrap (see above); pip needs a package index it can reach"


def main(arguments):
    if sys.version_info < (3, 11):
        return TOO_OLD.format(*sys.version_info)
    if not arguments or arguments[0].startswith("-"):
        return NO_SESSION
    if not is_usable():
        problem = make_environment()
        if problem:
            return problem
    # -I: what the user has set for other Pythons (PYTHONPATH and the like) is not ours.
    return run(PYTHON, "-I", "-m", "nox", "--noxfile", os.path.join(ROOT, "noxfile.py"), "--session", *arguments)


def is_usable():
    """An environment made from the present pins by a Python that is still there."""
    try:
        with io.open(FINISHED, encoding="utf-8") as file:
            if file.read() != origin():
                return False
        return run(PYTHON, "-I", "-c", "import nox") == 0
    except (IOError, OSError):
        return False


def make_environment():
    """Make .nox/bootstrap from nothing; return what is in the way, if something is."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as missing:
        return NO_VENV.format(missing)
    print("making .nox/bootstrap, once", file=sys.stderr)
    shutil.rmtree(HOME, ignore_errors=True)
    if run(sys.executable, "-I", "-m", "venv", HOME) != 0:
        return NO_VENV.format("see above")
    if run(PYTHON, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", PINS) != 0:
        return NO_NOX
    with io.open(FINISHED, "w", encoding="utf-8") as file:
        file.write(origin())
    return None


def origin():
    """What an environment is made of: this Python and the pins."""
    with io.open(PINS, encoding="utf-8") as file:
        return "{}\n{}".format(sys.version, file.read())


def run(*command):
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        # The child got it too and has said what there is to say.
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

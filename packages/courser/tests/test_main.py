"""The command line, as far as it goes without its extra; with it, it is run beside HTTPX's in the integration tests."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["click", "pygments", "rich"])
@pytest.mark.parametrize("start", ["courser.main(['https://example.org/'])", "import courser.__main__"])
def test_without_the_extra_it_says_what_to_install(missing: str, start: str) -> None:
    # What sys.modules says None of cannot be imported, be it installed or not.
    program = f"import sys, courser; sys.modules[{missing!r}] = None; {start}"

    ended = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr == "the command line needs the extra cli: pip install 'courser[cli]'\n"


def test_what_else_cannot_be_imported_is_not_taken_for_the_extra() -> None:
    program = "import sys, courser; sys.modules['courser._cli'] = None; courser.main()"

    ended = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)

    assert "import of courser._cli halted" in ended.stderr

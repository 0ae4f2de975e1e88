"""What the package promises as a whole: names, and an import that opens nothing."""

import subprocess
import sys

import pytest

import courser_models

PUBLIC = [(name, getattr(courser_models, name)) for name in courser_models.__all__]
DEFINED = [(name, thing) for name, thing in PUBLIC if isinstance(thing, type)]


def test_no_public_name_is_listed_twice() -> None:
    assert len(set(courser_models.__all__)) == len(courser_models.__all__)


@pytest.mark.parametrize(("name", "thing"), DEFINED, ids=[name for name, _ in DEFINED])
def test_a_public_class_reports_the_name_it_is_imported_by(name: str, thing: type) -> None:
    assert (thing.__module__, thing.__qualname__) == ("courser_models", name)


def test_importing_opens_no_network_and_no_event_loop() -> None:
    program = (
        "import sys, courser_models; "
        "print(*sorted({'socket', 'ssl', 'asyncio', 'anyio', 'trio', 'threading', 'idna'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert (result.stdout.split(), result.stderr) == ([], "")


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in courser_models.__version__.split(".")] == [True, True, True]

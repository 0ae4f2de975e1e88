"""What the package promises as a whole: names, and an import that opens nothing."""

import subprocess
import sys

import pytest

import courser_auth

CLASSES = ["Auth", "BasicAuth", "BearerAuth", "FunctionAuth"]


def test_the_public_names_are_the_schemes() -> None:
    assert courser_auth.__all__ == [*CLASSES, "__version__"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_public_class_reports_the_name_it_is_imported_by(name: str) -> None:
    thing = getattr(courser_auth, name)

    assert (thing.__module__, thing.__qualname__) == ("courser_auth", name)
    assert issubclass(thing, courser_auth.Auth)


def test_importing_opens_no_network_and_no_event_loop() -> None:
    program = (
        "import sys, courser_auth; "
        "print(*sorted({'socket', 'ssl', 'asyncio', 'anyio', 'trio', 'courser_transport'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert (result.stdout.split(), result.stderr) == ([], "")


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in courser_auth.__version__.split(".")] == [True, True, True]

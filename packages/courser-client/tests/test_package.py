"""What the package promises as a whole: names, and an import that loads no more than it needs."""

import subprocess
import sys

import pytest

import courser_client


def test_the_public_names_are_the_clients_and_the_functions_and_what_they_take() -> None:
    assert courser_client.__all__ == [
        "USE_CLIENT_DEFAULT",
        "AsyncClient",
        "AuthArgument",
        "AuthTypes",
        "Client",
        "ClientState",
        "EventHook",
        "EventHooks",
        "ParamsMode",
        "RedirectPolicy",
        "TimeoutArgument",
        "TooManyRedirects",
        "UseClientDefault",
        "__version__",
        "delete",
        "get",
        "head",
        "options",
        "patch",
        "post",
        "put",
        "query",
        "request",
        "stream",
    ]


@pytest.mark.parametrize("name", ["AsyncClient", "Client", "TooManyRedirects", "UseClientDefault"])
def test_a_public_class_reports_the_name_it_is_imported_by(name: str) -> None:
    thing = getattr(courser_client, name)

    assert (thing.__module__, thing.__qualname__) == ("courser_client", name)


def test_importing_and_making_a_client_loads_no_other_world() -> None:
    program = (
        "import sys, courser_client; client = courser_client.Client(); client.close(); "
        "print(*sorted({'asyncio', 'anyio', 'trio', 'h2', 'certifi', 'idna'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert (result.stdout.split(), result.stderr) == ([], "")


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in courser_client.__version__.split(".")] == [True, True, True]

"""What the package promises as a whole: names, and an import that opens nothing."""

import subprocess
import sys

import pytest

import courser_auth
import courser_models

SCHEMES = [
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "DigestAuth",
    "FunctionAuth",
    "NetRCAuth",
    "OAuth2ClientCredentials",
    "TokenAuth",
]
OTHERS = [
    *["AuthError", "Challenge", "CookieStore", "CredentialsFileError", "Token", "TokenError"],
    *["is_public_suffix", "read_auth_parameters", "read_challenges", "registrable_domain"],
]


def test_the_public_names_are_the_schemes_the_store_and_what_serves_them() -> None:
    assert sorted(courser_auth.__all__) == sorted([*SCHEMES, *OTHERS, "Cookie", "Cookies", "__version__"])


@pytest.mark.parametrize("name", [*SCHEMES, *OTHERS])
def test_a_public_name_reports_where_it_is_imported_from(name: str) -> None:
    thing = getattr(courser_auth, name)

    assert (thing.__module__, thing.__qualname__) == ("courser_auth", name)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_is_one(name: str) -> None:
    assert issubclass(getattr(courser_auth, name), courser_auth.Auth)


def test_the_cookies_are_those_of_the_models() -> None:
    assert (courser_auth.Cookies, courser_auth.Cookie) == (courser_models.Cookies, courser_models.Cookie)
    assert issubclass(courser_auth.CookieStore, courser_models.Cookies)


def test_importing_opens_no_network_and_no_event_loop() -> None:
    unwanted = {"socket", "ssl", "asyncio", "anyio", "trio", "courser_transport", "publicsuffixlist", "http.cookiejar"}
    program = f"import sys, courser_auth; print(*sorted({unwanted} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert (result.stdout.split(), result.stderr) == ([], "")


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in courser_auth.__version__.split(".")] == [True, True, True]

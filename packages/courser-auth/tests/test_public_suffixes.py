"""Public suffixes: the tests of publicsuffix.org."""

import re
from pathlib import Path

import pytest

from courser_auth import is_public_suffix, registrable_domain

LINES = (Path(__file__).parent / "public_suffix_cases.txt").read_text("utf-8")
CASES = re.findall(r"^checkPublicSuffix\('([^']*)', (?:'([^']*)'|null)\);", LINES, re.MULTILINE)


@pytest.mark.parametrize(("host", "registrable"), CASES)
def test_hosts_belong_to_whom_publicsuffix_org_says(host: str, registrable: str) -> None:
    assert registrable_domain(host) == (registrable or None)


@pytest.mark.parametrize(
    ("domain", "is_public"),
    [
        ("co.uk", True),
        ("CO.uk", True),
        ("example.co.uk", False),
        ("xn--55qx5d.cn", True),
        ("公司.cn", True),
        ("", False),
    ],
)
def test_a_public_suffix_is_told_in_every_case_and_script(domain: str, is_public: bool) -> None:
    assert is_public_suffix(domain) is is_public

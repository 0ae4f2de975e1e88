"""What an error has to tell: a sentence, for whoever reads only the log."""

import re


def assert_says(error: BaseException, *patterns: str) -> None:
    """Assert that the message is a sentence, in which every pattern is found."""
    message = str(error)
    assert re.search(r"\w+ \w+", message), f"{error!r} has no sentence"
    for pattern in patterns:
        assert re.search(pattern, message, re.IGNORECASE), f"{message!r} does not say {pattern!r}"

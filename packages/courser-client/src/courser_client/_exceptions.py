"""What a client itself can find wrong with an exchange."""

from __future__ import annotations

from courser_models import RequestError


class TooManyRedirects(RequestError):
    """A response was redirected more often than the client follows (`max_redirects`)."""

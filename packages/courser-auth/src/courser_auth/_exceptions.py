"""What goes wrong with credentials; none of these texts holds one."""

from __future__ import annotations

from courser_models import Request, RequestError


class AuthError(RequestError):
    """Credentials could not be obtained, or the peer could not prove that it knows them."""


class TokenError(AuthError):
    """A token endpoint gave no token, or a refresh function something that is none (RFC 6749 §5.2).

    `code` is the error code of the endpoint, such as `"invalid_client"`, and None where it gave none.
    """

    def __init__(self, message: str, *, request: Request | None = None, code: str | None = None) -> None:
        super().__init__(message, request=request)
        self.code = code


class CredentialsFileError(ValueError):
    """A file of credentials or cookies cannot be read as one; the text names the place in it, and nothing it holds."""

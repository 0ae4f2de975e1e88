"""What a transport is: one method that takes a request and gives a response.

Whoever writes a transport, a mock or a wrapper around one depends on this package alone.
"""

from __future__ import annotations

import types
import typing

from ._request import Request
from ._response import Response


class BaseTransport:
    """Sends requests; subclass it and give `handle_request`."""

    def handle_request(self, request: Request) -> Response:
        """Send `request` and return its response, whose stream may still be open.

        Raises a `TransportError` where no response can be had.
        """
        raise NotImplementedError(f"{type(self).__name__} must define handle_request")

    def close(self) -> None:
        """Release what the transport holds."""

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: types.TracebackType | None = None,
    ) -> None:
        self.close()


class AsyncBaseTransport:
    """Sends requests in an async program; subclass it and give `handle_async_request`."""

    async def handle_async_request(self, request: Request) -> Response:
        """Send `request` and return its response, whose stream may still be open.

        Raises a `TransportError` where no response can be had.
        """
        raise NotImplementedError(f"{type(self).__name__} must define handle_async_request")

    async def aclose(self) -> None:
        """Release what the transport holds."""

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: types.TracebackType | None = None,
    ) -> None:
        await self.aclose()

"""The interface of transports: what a subclass has to give, and what it gets."""

import pytest

from colours import run
from courser_models import AsyncBaseTransport, BaseTransport, Request

REQUEST = Request("GET", "http://h/")


class Half(BaseTransport):
    closed = 0

    def close(self) -> None:
        self.closed += 1


class AsyncHalf(AsyncBaseTransport):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


def test_a_transport_without_its_method_says_which_is_missing() -> None:
    with pytest.raises(NotImplementedError, match=r"^Half must define handle_request$"):
        Half().handle_request(REQUEST)
    with pytest.raises(NotImplementedError, match=r"^AsyncHalf must define handle_async_request$"):
        run(AsyncHalf().handle_async_request(REQUEST))


def test_a_transport_is_a_context_that_closes_it() -> None:
    with Half() as transport:
        assert transport.closed == 0
    assert transport.closed == 1

    async def enter_and_leave() -> AsyncHalf:
        async with AsyncHalf() as transport:
            assert transport.closed == 0
        return transport

    assert run(enter_and_leave()).closed == 1


def test_closing_needs_no_override() -> None:
    BaseTransport().close()
    run(AsyncBaseTransport().aclose())

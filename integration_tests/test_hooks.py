"""What fails beside an exchange, a hook, a scheme or a policy, costs no connection: one is enough for all."""

from collections.abc import Generator
from typing import Any

import pytest

import courser

from .worlds import World

ONE = courser.Limits(max_connections=1)


class Mine(Exception):
    """What the program itself raises."""


def fail(*anything: Any) -> Any:
    raise Mine("here")


class FailingScheme(courser.Auth):
    """Fails when it has seen the response."""

    def auth_flow(self, request: courser.Request) -> Generator[courser.Request, courser.Response, None]:
        yield request
        fail()


FAILURES: dict[str, dict[str, Any]] = {
    "a hook of requests": {"event_hooks": {"request": [fail]}},
    "a hook of responses": {"event_hooks": {"response": [fail]}},
    "a scheme": {"auth": FailingScheme()},
    "a function for credentials": {"auth": fail},
    "a policy": {"redirect_policy": fail, "follow_redirects": True},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_of_the_program_leaves_the_connection_to_the_next_request(
    world: World, httpbin: str, failure: str
) -> None:
    async def program(client: courser.AsyncClient) -> None:
        for _ in range(4):  # the second would wait in vain for a connection that the first had kept
            with pytest.raises(Mine, match="here"):
                await client.get(f"{httpbin}/redirect/1")

    world.run(program, limits=ONE, timeout=courser.Timeout(5.0, pool=1.0), **FAILURES[failure])

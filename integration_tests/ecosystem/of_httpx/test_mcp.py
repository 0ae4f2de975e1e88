"""MCP's SDK, version 1, whose client is made of HTTPX and httpx-sse. (Version 2 needs the events of httpx2.)"""

import asyncio
import socket
import threading
from collections.abc import Iterator

import mcp.shared._httpx_utils
import pytest
import uvicorn
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp import FastMCP

import courser


@pytest.fixture
def url() -> Iterator[str]:
    app = FastMCP("calculator")
    app.add_tool(lambda a, b: a + b, "add", description="Add two numbers.")
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app.streamable_http_app(), log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    server.should_exit = True
    thread.join()
    listening.close()


def test_a_tool_is_called(url: str) -> None:
    async def ask() -> str:
        async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            result = await session.call_tool("add", {"a": 2, "b": 3})
            return result.content[0].text

    assert asyncio.run(ask()) == "5"


def test_its_client_is_ours() -> None:
    assert isinstance(mcp.shared._httpx_utils.create_mcp_http_client(), courser.AsyncClient)

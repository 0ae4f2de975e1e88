"""Count the Python-level calls of one warm keep-alive GET: `python tools/bench/calls.py`, sync and asyncio.

Time scatters; calls do not. What the list shows is what integration_tests/test_request_path.py holds to a budget, so
look here for the next call to remove, then at run.py for what it gained. `--cprofile` tells where the time goes instead
(with its own cost on every call, so cheap calls look dear).

The calls of the event loop count, and every time a coroutine is resumed; the adapter and this tool do not. A response
that scatters over two reads would cost more, therefore the median of several requests is taken.

The file cannot be called profile.py: cProfile would import it for the one in the standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

import clients
import tiny_server
from clients.adapter import Settings

_WARM_UP = 50
_REQUESTS = 21
_WORLDS = ("sync", "asyncio")


def main() -> int:
    parser = argparse.ArgumentParser(description="Count the Python-level calls of one warm keep-alive GET.")
    parser.add_argument("--client", default="courser", choices=["courser", "aiohttp", "httpx2", "httpx", "requests"])
    parser.add_argument("--world", choices=_WORLDS, help="default: both")
    parser.add_argument("--cprofile", type=int, metavar="REQUESTS", help="profile this many requests instead")
    parser.add_argument("--sort", default="tottime", help="order of the profile (default tottime)")
    arguments = parser.parse_args()

    status = 0
    with tiny_server.running() as url:
        for world in [arguments.world] if arguments.world else _WORLDS:
            try:
                if arguments.cprofile:
                    _show_profile(arguments.client, world, url, arguments.cprofile, arguments.sort)
                else:
                    _show_calls(arguments.client, world, url)
            except ImportError as error:
                print(f"error: {arguments.client} cannot be imported: {error}", file=sys.stderr)
                return 1
            except KeyError:
                print(f"{arguments.client} has no {world} client")
                # Only a mistake when it was asked for.
                status = 2 if arguments.world else status
    return status


def _show_calls(client: str, world: str, url: str) -> None:
    counted = _count_sync(client, url) if world == "sync" else asyncio.run(_count_async(client, url))
    counted.sort(key=Counter.total)
    typical = counted[len(counted) // 2]
    totals = [counter.total() for counter in counted]
    print(f"{client}, {world}: {typical.total()} calls for one warm GET", end="")
    print("" if totals[0] == totals[-1] else f" (median; between {totals[0]} and {totals[-1]})")

    by_module: dict[str, list[tuple[int, CodeType]]] = {}
    for code, calls in typical.items():
        by_module.setdefault(_module(code), []).append((calls, code))
    for module, functions in sorted(by_module.items(), key=lambda item: -sum(calls for calls, _ in item[1])):
        print(f"  {sum(calls for calls, _ in functions):4}  {module}")
        for calls, code in sorted(functions, key=lambda function: (-function[0], function[1].co_firstlineno)):
            print(f"        {calls:4}  {code.co_qualname}:{code.co_firstlineno}")
    print()


def _count_sync(client: str, url: str) -> list[Counter[CodeType]]:
    with clients.open_sync(client, Settings()) as adapter:
        for _ in range(_WARM_UP):
            adapter.get(url)
        counted = []
        for _ in range(_REQUESTS):
            counter = _CallCounter()
            sys.setprofile(counter)
            adapter.get(url)
            sys.setprofile(None)
            counted.append(counter.calls)
        return counted


async def _count_async(client: str, url: str) -> list[Counter[CodeType]]:
    async with clients.open_async(client, Settings()) as adapter:
        for _ in range(_WARM_UP):
            await adapter.get(url)
        counted = []
        for _ in range(_REQUESTS):
            counter = _CallCounter()
            sys.setprofile(counter)
            await adapter.get(url)
            sys.setprofile(None)
            counted.append(counter.calls)
        return counted


class _CallCounter:
    """A profile function that counts calls into Python code outside this folder."""

    _folder = str(Path(__file__).resolve().parent) + os.sep

    def __init__(self) -> None:
        self.calls: Counter[CodeType] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and not frame.f_code.co_filename.startswith(self._folder):
            self.calls[frame.f_code] += 1


def _module(code: CodeType) -> str:
    """Return the dotted name behind a file name: what follows site-packages, src or the standard library's folder."""
    path = Path(code.co_filename)
    for folder in map(Path, sorted(sys.path, key=len, reverse=True)):
        if path.is_relative_to(folder) and folder != Path("."):
            return ".".join(path.relative_to(folder).with_suffix("").parts)
    return code.co_filename


def _show_profile(client: str, world: str, url: str, requests: int, order: str) -> None:
    profile = cProfile.Profile()
    if world == "sync":
        with clients.open_sync(client, Settings()) as adapter:
            for _ in range(_WARM_UP):
                adapter.get(url)
            profile.enable()
            for _ in range(requests):
                adapter.get(url)
            profile.disable()
    else:
        asyncio.run(_profile_async(profile, client, url, requests))
    print(f"{client}, {world}: {requests} warm GETs under cProfile")
    pstats.Stats(profile).strip_dirs().sort_stats(order).print_stats(40)


async def _profile_async(profile: cProfile.Profile, client: str, url: str, requests: int) -> None:
    async with clients.open_async(client, Settings()) as adapter:
        for _ in range(_WARM_UP):
            await adapter.get(url)
        profile.enable()
        for _ in range(requests):
            await adapter.get(url)
        profile.disable()


if __name__ == "__main__":
    sys.exit(main())

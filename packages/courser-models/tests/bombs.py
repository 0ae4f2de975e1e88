"""Zeros in a coding, nested twice, decoded in a process of its own: `python bombs.py br read '{"max_ratio": 100}'`.

They are ten gigabytes, or as many bytes as a fourth argument says; what is not `read` is iterated. Prints a JSON
object: the `error` that ended it, or null; `decoded`, the bytes handed over; `received`, those of the message; `peak`,
the most memory that this process ever held, and `before`, the most it held until decoding began.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from typing import Any

import brotli

from courser_models import DecodingError, Headers, Request, Response, SyncByteStream

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOCK = 16_777_216
SIZE = 10 * 1024 * 1024 * 1024


class Chunks(SyncByteStream):
    """A message as a socket gives it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), 65536):
            yield self.body[start : start + 65536]


def bomb(coding: str, size: int) -> bytes:
    """Return `size` zeros in a coding, made of blocks that repeat."""
    blocks = size // BLOCK
    if coding == "br":
        compressor = brotli.Compressor(quality=5)
        first, second = (compressor.process(bytes(BLOCK)) + compressor.flush() for _ in range(2))
        return first + second * (blocks - 1) + compressor.finish()
    return {"gzip": gzip.compress, "zstd": zstd.compress}[coding](bytes(BLOCK)) * blocks


def main() -> None:
    coding, way, limits = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    size = int(sys.argv[4]) if len(sys.argv) > 4 else SIZE
    again = {"gzip": gzip.compress, "br": lambda body: brotli.compress(body, quality=5), "zstd": zstd.compress}[coding]
    body = again(bomb(coding, size))
    before = peak()
    headers = Headers({"Content-Encoding": f"{coding}, {coding}"})
    request = Request("GET", "http://example.org/", extensions={"decoding": limits})
    response = Response.from_parts(200, headers, Chunks(body), request, {})
    decoded, error = 0, None
    try:
        if way == "read":
            decoded = len(response.read())
        else:
            for piece in response.iter_bytes():
                decoded += len(piece)
    except DecodingError as caught:
        error = f"{type(caught).__name__}: {caught}"
    result: dict[str, Any] = {"error": error, "decoded": decoded, "received": len(body)}
    print(json.dumps(result | {"before": before, "peak": peak()}))


def peak() -> int:
    """Return the most memory this process has held, in bytes; it counts from the start of its program."""
    try:
        with open("/proc/self/status") as status:
            (line,) = [line for line in status if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()

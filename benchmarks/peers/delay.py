"""A link with a long way: what comes in at one end comes out at the other a while later.

    python -m benchmarks.peers.delay HOST:PORT ROUND_TRIP_MS

Prints where it listens, and serves until it is ended. How much passes isn't held back, only when: a
link with a large window. A new connection costs a round trip, as the handshake of TCP would, since
nothing that a client sends comes through before.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

__all__: list[str] = []

_PIECE: Final = 256 * 1024
#: Pieces that may be on the way in one direction.
_WINDOW: Final = 256

Timed = tuple[float, bytes]


async def _take(reader: asyncio.StreamReader, way: asyncio.Queue[Timed], earliest: float) -> None:
    """Put what comes on its way; nothing is an end, and travels as long as all else."""
    loop = asyncio.get_running_loop()
    piece = b"-"
    while piece:
        try:
            piece = await reader.read(_PIECE)
        except OSError:
            piece = b""
        await way.put((max(loop.time(), earliest), piece))


async def _give(writer: asyncio.StreamWriter, way: asyncio.Queue[Timed], delay: float) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while True:
            begun, piece = await way.get()
            await asyncio.sleep(begun + delay - loop.time())
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()


async def _serve(host: str, port: int, delay: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        earliest = asyncio.get_running_loop().time() + 2 * delay
        there_reader, there_writer = await asyncio.open_connection(host, port, limit=_PIECE)
        there: asyncio.Queue[Timed] = asyncio.Queue(_WINDOW)
        back: asyncio.Queue[Timed] = asyncio.Queue(_WINDOW)
        try:
            await asyncio.gather(
                _take(reader, there, earliest),
                _give(there_writer, there, delay),
                _take(there_reader, back, earliest),
                _give(writer, back, delay),
            )
        finally:
            for each in (writer, there_writer):
                each.close()

    server = await asyncio.start_server(connect, "127.0.0.1", 0, limit=_PIECE)
    print("{}:{}".format(*server.sockets[0].getsockname()), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    target, _, target_port = sys.argv[1].rpartition(":")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(target, int(target_port), float(sys.argv[2]) / 2000))

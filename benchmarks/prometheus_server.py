"""A Prometheus in a process of its own, whose CPU time is not the operator's: any expression has one series.

`python -m benchmarks.prometheus_server` prints its URL and serves until its input ends. Answers are made once per grid,
so they cost next to nothing; `/asked` tells how many range queries came, and how many of them were distinct.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from random import Random
from subprocess import PIPE, Popen
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


@contextmanager
def prometheus_process() -> Iterator[str]:
    """Run the server until the block ends; gives its URL."""
    with Popen([sys.executable, "-m", __name__], stdin=PIPE, stdout=PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the pipes were asked for")
        yield process.stdout.readline().strip()
        process.stdin.close()


def asked(url: str) -> tuple[int, int]:
    """How many range queries have come, and how many distinct ones."""
    with urlopen(f"{url}/asked") as response:
        total, distinct = json.load(response)
    return total, distinct


@lru_cache(maxsize=64)
def answer(start: int, end: int, step: int) -> bytes:
    """One series with values of sixteen digits, as a quotient of rates has them."""
    chance = Random(start)
    values = [[time, f"{chance.random() / 100:.16f}"] for time in range(start, end + 1, step)]
    result = [{"metric": {"job": "checkout"}, "values": values}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


class _Connection(asyncio.Protocol):
    """One connection; requests are small GETs, and none comes before the one before is answered."""

    def __init__(self, counts: Counter[int]) -> None:
        self._counts = counts
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request, or a part of one."""
        self._received += data
        if self._received.endswith(b"\r\n\r\n") and isinstance(self._transport, asyncio.WriteTransport):
            target, self._received = self._received.split(b" ", 2)[1].decode(), b""
            body = self._body(target)
            self._transport.write(_HEAD % (len(body), body))

    def _body(self, target: str) -> bytes:
        if target == "/asked":
            return json.dumps([self._counts.total(), len(self._counts)]).encode()
        self._counts[hash(target)] += 1
        parameters = parse_qs(urlsplit(target).query)
        start, end, step = (int(parameters.get(name, ["0"])[0]) for name in ("start", "end", "step"))
        return answer(start, end, step)


async def _serve() -> None:
    counts: Counter[int] = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(counts), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())

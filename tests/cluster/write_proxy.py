"""A reverse proxy in front of the API server that counts committed writes, and can stop the world after the k-th.

For tests that kill the operator between a write and its answer, or hold a write back and deliver it after its sender
is gone. Each lane is a port of its own with a counter of its own, so two operators can be told apart. It serves with
the API server's own certificate (clients send no token without TLS), and the client's token goes through unchanged.
Reads and watches are streamed through untouched.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tests.cluster.cluster import Cluster

READS = ("GET", "HEAD")
# Written all the time by clients and by Kopf itself, and no part of what an operator changes in the cluster.
NOT_COUNTED = ("/events", "/leases", "/authentication.k8s.io/", "/authorization.k8s.io/")
HOP_BY_HOP = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "content-length", "upgrade"})
BODY_LIMIT = 16 * 2**20
T = TypeVar("T")


@dataclass(frozen=True)
class Write:
    """One write that the API server has answered with success; `number` counts from 1."""

    number: int
    method: str
    path: str
    status: int


Which = int | Callable[[Write], bool]
"""A write by its number, or the first one of which this is true."""


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: CIMultiDict[str]
    body: bytes

    @property
    def counted(self) -> bool:
        path, _, query = self.path.partition("?")
        resource = f"{path}/"
        ignored = any(part.rstrip("/") + "/" in resource for part in NOT_COUNTED)
        return self.method not in READS and not ignored and "dryRun=" not in query


class Lane:
    """One port of the proxy: what was written through it, and what is to happen at which write.

    Attributes:
        url: What a client's kubeconfig names as its server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._writes: list[Write] = []
        self._after: list[tuple[Which, Callable[[Write], None]]] = []
        self._wanted: list[Which] = []
        self._held: list[_Request] = []
        self._holding = threading.Event()

    @property
    def writes(self) -> tuple[Write, ...]:
        """Every committed write so far, in the order in which the API server answered."""
        return tuple(self._writes)

    def after(self, which: Which, act: Callable[[Write], None]) -> None:
        """Call `act` once, when this write is committed and before its sender hears of it.

        `act` runs in the proxy's thread and delays everything else that goes through the proxy.
        """
        self._after.append((which, act))

    def hold(self, which: Which) -> None:
        """Keep back the request that would become this write: neither sent on nor answered, until `deliver`.

        A predicate is asked before there is an answer, with status 0.
        """
        self._wanted = [which]
        self._holding.clear()

    def wait_held(self, timeout: float) -> bool:
        """Wait until that write has come in; whether it has."""
        return self._holding.wait(timeout)

    def committed(self, request: _Request, status: int) -> None:
        """Count a write, and do what was asked for at its number."""
        if not request.counted or status >= 300:
            return
        write = Write(len(self._writes) + 1, request.method, request.path, status)
        self._writes.append(write)
        due = [entry for entry in self._after if _is(write, entry[0])]
        self._after = [entry for entry in self._after if entry not in due]
        for _, act in due:
            act(write)

    def keeps(self, request: _Request) -> bool:
        """Whether this request is the one to hold back; it is remembered then."""
        candidate = Write(len(self._writes) + 1, request.method, request.path, 0)
        if not request.counted or not any(_is(candidate, which) for which in self._wanted):
            return False
        self._wanted.clear()
        self._held.append(request)
        self._holding.set()
        return True

    def take_held(self) -> _Request:
        """The request that was held back; raises `LookupError` if there is none."""
        if not self._held:
            raise LookupError("no write is held back")
        return self._held.pop()


class WriteProxy:
    """The proxy; a context manager that runs it in a thread of its own."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="write-proxy", daemon=True)
        self._runners: list[web.AppRunner] = []
        self._unfinished: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> "WriteProxy":
        self._thread.start()
        self._session = self._run(self._open())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lane(self) -> Lane:
        """Open another port with a counter of its own."""
        return self._run(self._listen())

    def deliver(self, lane: Lane) -> int:
        """Send the write that was held back now, as a late packet would arrive, and return the server's status."""
        return self._run(self._deliver(lane))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _open(self) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=str(self._cluster.certificate_authority))
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        timeout = aiohttp.ClientTimeout(total=None, connect=10)
        # Bodies go through as they are: whether one is compressed is between the client and the server.
        return aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)

    async def _close(self) -> None:
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        await self._session.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self) -> Lane:
        lane = Lane("")

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(lane, request)

        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/{path:.*}", handle)
        # A watch ends upstream when its client is gone, or every killed client would leave its watches behind.
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._server_tls()).start()
        self._runners.append(runner)
        lane.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        return lane

    def _server_tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate = self._cluster.certificate_authority
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return context

    async def _handle(self, lane: Lane, request: web.Request) -> web.StreamResponse:
        asked = _Request(request.method, request.raw_path, _end_to_end(request.headers), await request.read())
        if request.method in READS:
            return await self._stream(asked, request)
        if lane.keeps(asked):
            await asyncio.Event().wait()  # until the client gives up or the proxy closes
        answer = await self._finish(self._commit(lane, asked))
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _stream(self, asked: _Request, request: web.Request) -> web.StreamResponse:
        async with self._session.request(asked.method, self._url(asked), headers=asked.headers) as upstream:
            response = web.StreamResponse(status=upstream.status, headers=_end_to_end(upstream.headers))
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something that goes on when its client is gone: what was sent to the server is not taken back."""
        task = asyncio.ensure_future(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def _commit(self, lane: Lane, asked: _Request) -> _Answer:
        answer = await self._send(asked)
        lane.committed(asked, answer.status)
        return answer

    async def _send(self, asked: _Request) -> _Answer:
        sent = self._session.request(asked.method, self._url(asked), headers=asked.headers, data=asked.body)
        async with sent as upstream:
            return _Answer(upstream.status, _end_to_end(upstream.headers), await upstream.read())

    def _url(self, asked: _Request) -> URL:
        return URL(f"{self._cluster.api_url}{asked.path}", encoded=True)

    async def _deliver(self, lane: Lane) -> int:
        return (await self._commit(lane, lane.take_held())).status


def _is(write: Write, which: Which) -> bool:
    return write.number == which if isinstance(which, int) else which(write)


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)

"""An Alertmanager with one receiver and nothing to tell, and alerts whose copies may mute their originals with it.

It is as much of one as the operator asks: to see what becomes of a period, nobody has to be paged.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cluster.lives.place import RULES

STUCK = {
    "alert": "CheckoutQueueStuck",
    "expr": 'max by (namespace, service) (queue_oldest_age_seconds{service="checkout"}) > 60',
    "for": "8s",
    "labels": {"severity": "critical"},
    "annotations": {"summary": "The oldest order has been waiting for {{ $value | humanizeDuration }}"},
}
PAGING: Mapping[str, Any] = {
    "alerts": {
        "from": [{"rule": RULES}],
        "tighten": {"shortenFor": "75%", "minFor": "1s", "deliver": "Page"},
        "inhibitOriginals": True,
    },
    "scaling": [{"target": "checkout", "floor": "200%"}],
}


@contextlib.contextmanager
def quiet_alertmanager() -> Iterator[str]:
    """Serve it on loopback; its address."""
    answers = {
        "status": {"config": {"original": "route: {receiver: team}\nreceivers: [{name: team}]\n"}},
        "silences": [],
        "alerts": [],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[self.path.partition("?")[0].rpartition("/")[2]]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """A question is not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A server on a socket that receives webhooks, and checks them as our documentation says."""

import hashlib
import hmac
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Answers each POST with the next of `answers`, (status, headers), the last one for ever; keeps what came."""

    def __init__(self):
        self.answers = [(200, {})]
        self.bodies = []
        self.heads = []
        self.silent_for = 0.0
        self.over = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(body)
                receiver.heads.append({name.lower(): value for name, value in self.headers.items()})
                receiver.over.wait(receiver.silent_for)
                status, headers = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                said = b"what the receiver said"
                try:
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(said))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:
                    pass  # the caller hung up, as some tests want

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/alerts/path-token-99"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *args):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def is_signed(self, number, secret):
        """Check one request as the docstring of syncdiag.webhooks says."""
        head, body = self.heads[number], self.bodies[number]
        timestamp = head["x-unstuck-timestamp"]
        ours = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(timestamp)) < 300
        return fresh and hmac.compare_digest(f"sha256={ours}", head["x-unstuck-signature"])

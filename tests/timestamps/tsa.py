"""A real time-stamping authority on the loopback: `openssl ts` behind a small HTTP server."""

import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from loopback import listening

REPLY = "application/timestamp-reply"
_CONFIG = """
[tsa]
default_tsa = this
[this]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/chain.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class OpenSslTsa:
    """One authority: its certificate, its key, and openssl to use them."""

    def __init__(self, folder, holder, chain=(), digests="sha256, sha384, sha512"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "serial").write_text("01\n")
        (self.folder / "tsa.pem").write_bytes(holder.pem)
        (self.folder / "tsa.key").write_bytes(holder.key_pem)
        (self.folder / "chain.pem").write_bytes(b"".join(one.pem for one in chain))
        config = _CONFIG.format(folder=self.folder, digests=digests)
        (self.folder / "tsa.conf").write_text(config)
        self._lock = threading.Lock()

    def reply(self, query):
        with self._lock:
            (self.folder / "query").write_bytes(query)
            command = ["openssl", "ts", "-reply", "-config", "tsa.conf", "-queryfile", "query"]
            subprocess.run(
                [*command, "-out", "reply"], cwd=self.folder, check=True, capture_output=True
            )
            return (self.folder / "reply").read_bytes()


@dataclass
class Behaviour:
    """How the server answers; by default as the authority does."""

    status: int = 200
    content_type: str = REPLY
    delay_s: float = 0.0
    drip_s: float = 0.0
    change: object = None
    headers: dict = field(default_factory=dict)


@contextmanager
def serve(tsa, behaviour=None):
    """Yields the address, and a list of the queries that arrive."""
    behaviour = behaviour or Behaviour()
    queries = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = self.rfile.read(int(self.headers["Content-Length"]))
            queries.append((self.headers["Content-Type"], query))
            body = tsa.reply(query) if behaviour.status == 200 else b"no"
            if behaviour.change is not None:
                body = behaviour.change(body, query)
            time.sleep(behaviour.delay_s)
            self.send_response(behaviour.status)
            self.send_header("Content-Type", behaviour.content_type)
            for name, value in behaviour.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if behaviour.drip_s:
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(behaviour.drip_s)
                else:
                    self.wfile.write(body)
            except OSError:
                pass  # the client has given up, as it should

        def log_message(self, *_arguments):
            pass

    with listening(Handler) as address:
        yield f"{address}/tsa", queries

"""A server of drand's HTTP API on the loopback, for chains whose key is public; good or hostile."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import test_chains
from loopback import listening


@dataclass
class Behaviour:
    """How the server answers; by default as drand's do, and no round before its time."""

    status: int = 200
    content_type: str = "application/json"
    number_added: int = 0
    change: object = None
    drip_s: float = 0.0
    refusals: int = 0
    headers: dict = field(default_factory=dict)
    is_early: bool = False


def answer_of(chain, number):
    """What drand's API says of a round."""
    one = test_chains.sign_round(chain, number)
    document = {
        "round": number,
        "randomness": one.randomness.hex(),
        "signature": one.signature.hex(),
    }
    if one.previous_signature is not None:
        document["previous_signature"] = one.previous_signature.hex()
    return document


@contextmanager
def serve_beacon(behaviour=None, chains=(test_chains.QUICK, test_chains.CHAINED)):
    """Yields the address, and a list of the paths that are asked for."""
    behaviour = behaviour or Behaviour()
    by_hash = {chain.hash.hex(): chain for chain in chains}
    paths = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            _, chain_hash, public, number = self.path.split("/")
            chain = by_hash.get(chain_hash)
            known = chain is not None and public == "public"
            early = known and chain.time_ns(int(number)) > time.time_ns()
            if len(paths) <= behaviour.refusals or not known or (early and not behaviour.is_early):
                self.send_response(404)
                self.end_headers()
                return
            document = answer_of(chain, int(number) + behaviour.number_added)
            body = json.dumps(document).encode()
            if behaviour.change is not None:
                body = behaviour.change(body)
            self.send_response(behaviour.status)
            self.send_header("Content-Type", behaviour.content_type)
            for name, value in behaviour.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                pieces = [bytes([byte]) for byte in body] if behaviour.drip_s else [body]
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()
                    time.sleep(behaviour.drip_s)
            except OSError:
                pass  # the client has given up, as it should

        def log_message(self, *_arguments):
            pass

    with listening(Handler) as address:
        yield address, paths

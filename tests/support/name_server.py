"""A DNS server of the tests' own, which knows addresses and TXT records."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer(socketserver.ThreadingUDPServer):
    """`texts` holds the TXT records of each name; a name of which it holds None is a server's failure.

    `answers` holds lists of addresses for each name: each question takes the next list, and the last one stays.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Question)
        self.texts: dict[str, list[str] | None] = {}
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.ignored: set[str] = set()
        self.lock = threading.Lock()

    @property
    def setting(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Names that begin with `silent` are never answered."""
        name = dns.message.from_wire(request[0]).question[0].name.to_text()
        with self.lock:
            self.ignored.update([name] if name.startswith("silent") else [])
        return not name.startswith("silent")

    def records(self, name: str, kind: str) -> list[str] | None:
        """The records of that kind. Raises LookupError for an unknown name."""
        if kind == "TXT":
            known = self.texts[name]
            return None if known is None else [f'"{text}"' for text in known]
        with self.lock:
            self.asked.append(f"{name} {kind}")
            steps = self.answers[name]
            known = steps[0]
            # A and AAAA are asked together: the step ends with the second question.
            if len(self.asked) % 2 == 0 and len(steps) > 1:
                steps.pop(0)
        return [address for address in known if (":" in address) == (kind == "AAAA")]


class Question(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, NameServer)
        query = dns.message.from_wire(self.rfile.read())
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        try:
            records = self.server.records(question.name.to_text().rstrip("."), kind)
        except LookupError:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            if records is None:
                response.set_rcode(dns.rcode.REFUSED)
            elif records:
                response.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", kind, records))
        self.wfile.write(response.to_wire())


@contextmanager
def running() -> Iterator[NameServer]:
    with NameServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

"""A DNS server of the tests' own, which knows TXT records."""

import socketserver

import dns.message
import dns.rcode
import dns.rrset


class NameServer(socketserver.ThreadingUDPServer):
    """`texts` holds the TXT records of each name; a name of which it holds None is a server's failure."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Question)
        self.texts: dict[str, list[str] | None] = {}

    @property
    def setting(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Question(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, NameServer)
        query = dns.message.from_wire(self.rfile.read())
        question = query.question[0]
        name = question.name.to_text().rstrip(".")
        response = dns.message.make_response(query)
        if name not in self.server.texts:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif (known := self.server.texts[name]) is None:
            response.set_rcode(dns.rcode.REFUSED)
        elif known:
            quoted = [f'"{text}"' for text in known]
            response.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", "TXT", quoted))
        self.wfile.write(response.to_wire())

"""A real primary of Redis, its replica and three Sentinels, plain or with TLS, and an authority that signs for them."""

import datetime
import ipaddress
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable

from deploy.compose import redis_users
from deploy.local import binaries, ports
from deploy.local.children import start_of_program
from deploy.local.redis_server import RedisServer
from tests.support.waiting import wait_for

MASTER = "queues"
DOWN_MILLISECONDS = 1000


class Authority:
    """Signs certificates of servers. `file` is what its clients trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"authority {secrets.token_hex(4)}")])
        certificate = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._sign(certificate))

    def issue(self, *names: str) -> tuple[Path, Path]:
        """Files of a certificate for these names or addresses, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        certificate = self._builder(subject, key).add_extension(alternatives, critical=False)
        files = self._folder / f"{names[0]}.pem", self._folder / f"{names[0]}.key"
        files[0].write_bytes(self._sign(certificate))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def lines(self, *names: str) -> str:
        """A server's configuration."""
        certificate, key = self.issue(*names)
        return (
            f"tls-cert-file {certificate}\ntls-key-file {key}\ntls-ca-cert-file {self.file}\n"
            "tls-auth-clients no\ntls-replication yes\n"
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    def _sign(self, certificate: x509.CertificateBuilder) -> bytes:
        return certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Server(RedisServer):
    """One of a group. `of` is the server whose replica it begins as; `tls` the lines of its certificate."""

    def __init__(
        self, folder: Path, password: str, users: str = "", replication: str = "", tls: str = "", ca: str = ""
    ) -> None:
        super().__init__(folder, password, users)
        self.replication = replication
        self.tls = tls
        self.ca = ca
        self.of: Server | None = None

    @property
    def url(self) -> str:
        plain = super().url
        return f"{plain.replace('redis:', 'rediss:')}?ssl_ca_certs={self.ca}" if self.tls else plain

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=10)

    def kill(self) -> None:
        assert self.server
        self.server.kill()
        self.server.wait()

    def _configuration(self) -> str:
        text = super()._configuration()
        if self.tls:
            text = text.replace(f"port {self.port}", f"port 0\ntls-port {self.port}\n{self.tls}", 1)
        following = f"replicaof {ports.LOOPBACK} {self.of.port}\n" if self.of else ""
        # A replica waits 5 s for others that want the same copy, unless told otherwise.
        return f"{text}\n{self.replication}\n{following}repl-diskless-sync-delay 0\n"


class Group:
    """`passwords` are those of the users at the servers; `client_password` that of `platform` at each Sentinel."""

    def __init__(
        self,
        folder: Path,
        passwords: Mapping[str, str],
        authority: Authority | None = None,
        server: type[Server] = Server,
    ) -> None:
        self.folder = folder
        self.passwords = dict(passwords) | {name: secrets.token_hex(8) for name in ("replica", "sentinel")}
        self.client_password = secrets.token_hex(8)
        self.authority = authority
        lines = redis_users.users(self.passwords).splitlines()
        users = "\n".join([*(line for line in lines if not line.startswith("user default")), ""])
        replication = f"masteruser replica\nmasterauth {self.passwords['replica']}"
        tls = authority.lines("127.0.0.1", "localhost") if authority else ""
        ca = str(authority.file) if authority else ""
        password = secrets.token_hex(8)
        self.servers = [server(folder / name, password, users, replication, tls, ca) for name in ("first", "second")]
        self.tls = tls
        self.sentinel_password = secrets.token_hex(8)
        self.ports: list[int] = []
        self.sentinels: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        first, second = self.servers
        for each in self.servers:
            each.start()
            each.wait()
            second.of = first
        wait_for(lambda: _info(second)["master_link_status"] == "up", 20, "the replica to follow")
        for number in range(3):
            self.ports.append(ports.free_port(0))
            self.sentinels.append(self._start_sentinel(number))
        for port in self.ports:
            wait_for(lambda port=port: self._knows_all(port), 30, "the Sentinels to find each other and the replica")

    def stop(self) -> None:
        for process in self.sentinels:
            process.kill()
            process.wait()
        for server in self.servers:
            server.stop()

    def url(self, user: str, host: str = ports.LOOPBACK) -> str:
        """The setting REDIS_URL of that user."""
        sentinels = ",".join(f"{host}:{port}" for port in self.ports)
        scheme, ca = ("sentinels", f"&ca_file={quote(str(self.authority.file))}") if self.authority else ("sentinel", "")
        login = f"sentinel_user=platform&sentinel_password={self.client_password}"
        return f"{scheme}://{user}:{self.passwords[user]}@{sentinels}/{MASTER}?{login}{ca}"

    def primary(self) -> Server:
        """The one that two Sentinels at least hold for the primary."""
        found = [self._ask(port, "SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER) for port in self.ports]
        addresses = [int(address[1]) for address in found if address]
        return next(server for server in self.servers if addresses.count(server.port) >= 2)

    def wait_for_primary(self, server: Server, seconds: float = 60) -> None:
        wait_for(lambda: self.primary() is server and _info(server)["role"] == "master", seconds, "Sentinel to promote")

    def wait_for_replica(self, server: Server, seconds: float = 60) -> None:
        wait_for(lambda: _info(server)["role"] == "slave", seconds, "Sentinel to demote")

    def fail_over(self) -> None:
        """As an operator: the primary is exchanged while it lives."""
        self._ask(self.ports[0], "SENTINEL FAILOVER", MASTER)

    def _start_sentinel(self, number: int) -> "subprocess.Popen[bytes]":
        folder = self.folder / f"sentinel-{number}"
        folder.mkdir(parents=True)
        port = f"port 0\ntls-port {self.ports[number]}\n{self.tls}" if self.tls else f"port {self.ports[number]}\n"
        file = folder / "sentinel.conf"
        file.touch(mode=0o600)
        file.write_text(
            f"bind {ports.LOOPBACK}\n{port}dir {folder}\nrequirepass {self.sentinel_password}\n"
            f"{redis_users.sentinel_users(self.client_password)}"
            f"sentinel monitor {MASTER} {ports.LOOPBACK} {self.servers[0].port} 2\n"
            f"sentinel down-after-milliseconds {MASTER} {DOWN_MILLISECONDS}\n"
            f"sentinel failover-timeout {MASTER} 10000\n"
            f"sentinel auth-user {MASTER} sentinel\nsentinel auth-pass {MASTER} {self.passwords['sentinel']}\n"
        )
        program = binaries.redis_server(folder / "programs")
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [program, str(file), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                preexec_fn=start_of_program(os.getpid(), signal.SIGTERM),
            )

    def _ask(self, port: int, *command: str) -> object:
        tls = {"ssl": True, "ssl_ca_certs": str(self.authority.file)} if self.authority else {}
        with Redis(port=port, password=self.sentinel_password, decode_responses=True, socket_timeout=5, **tls) as one:
            return one.execute_command(*command)

    def _knows_all(self, port: int) -> bool:
        try:
            known = self._ask(port, "SENTINEL MASTER", MASTER)
        except Unreachable:
            return False
        assert isinstance(known, dict)
        return int(known["num-slaves"]) == 1 and int(known["num-other-sentinels"]) == 2


def _info(server: Server) -> dict[str, str]:
    with server.client() as client:
        return client.info("replication")


@contextmanager
def group(
    folder: Path, passwords: Mapping[str, str], authority: Authority | None = None
) -> Iterator[Group]:
    made = Group(folder, passwords, authority)
    try:
        made.start()
        yield made
    finally:
        made.stop()

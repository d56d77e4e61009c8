"""A primary with a streaming standby. Tests lose the primary and promote the standby."""

import psycopg

from deploy.local import ports
from deploy.local.postgres import Cluster, tail
from tests.support.waiting import wait_for


class Standby(Cluster):
    """A copy of a running cluster that follows it and can be read."""

    def follow(self, primary: Cluster) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port(0)
        copying = self._run(
            [
                self._home() / "bin" / "pg_basebackup",
                "-d",
                primary.url,
                "-D",
                self._data,
                "-R",
                "--checkpoint=fast",
                "--no-sync",
            ]
        )
        assert copying.wait(60) == 0, tail(self.log)
        self.launch()
        self.wait()

    def catch_up(self, primary: Cluster) -> None:
        """Waits until everything the primary has written is here."""
        with psycopg.connect(primary.url) as conn:
            (position,) = conn.execute("SELECT pg_current_wal_insert_lsn()").fetchone() or (None,)
        with psycopg.connect(self.url, autocommit=True) as conn:
            wait_for(
                lambda: conn.execute("SELECT pg_last_wal_replay_lsn() >= %s", (position,)).fetchone() == (True,), 30
            )

    def promote(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            assert conn.execute("SELECT pg_promote()").fetchone() == (True,)


def lose(cluster: Cluster) -> None:
    """Stops the server like a machine that loses its power: no connection is closed."""
    assert cluster.server
    cluster.server.kill()
    cluster.server.wait()


def read_only(cluster: Cluster, on: bool) -> None:
    """Makes the cluster read-only, as if a standby replaced the primary; open sessions become read-only too."""
    with psycopg.connect(cluster.url, autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        conn.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}".encode())
        conn.execute("SELECT pg_reload_conf()")
    wait_for(lambda: _shown(cluster) == ("on" if on else "off",))


def _shown(cluster: Cluster) -> tuple[str] | None:
    with psycopg.connect(cluster.url) as conn:
        return conn.execute("SHOW default_transaction_read_only").fetchone()

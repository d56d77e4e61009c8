"""The folder of a local stack's cluster, and the account that runs it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from deploy.local.postgres import Cluster, ServerFailed
from tests.support.waiting import wait_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs PostgreSQL under its own account")


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder, "password", durable=False)
    cluster.start()
    cluster.wait()
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter, like a checkout in /srv."""
    with tempfile.TemporaryDirectory(prefix="knogin-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@as_root
def test_started_by_root_it_runs_under_an_account_without_rights(tmp_path: Path) -> None:
    with running(tmp_path / "postgres") as cluster:
        assert cluster.server
        assert psutil.Process(cluster.server.pid).uids().effective != 0
    cluster.delete()


@as_root
def test_below_a_closed_home_its_data_lies_where_its_account_can_reach_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with running(home / "postgres") as cluster:
        place = cluster.place
        assert not place.is_relative_to(home)
        assert place.stat().st_mode & 0o777 == 0o700
    again = Cluster(home / "postgres", "password")
    assert again.place == place
    again.delete()
    assert not place.exists()


def test_in_an_open_folder_its_data_lie_there(open_folder: Path) -> None:
    with running(open_folder / "postgres") as cluster:
        assert (open_folder / "postgres" / "cluster" / "data" / "PG_VERSION").exists()
    cluster.delete()


def test_its_data_lie_below_the_folder_that_is_named(open_folder: Path) -> None:
    elsewhere = open_folder / "elsewhere"
    for folder in (elsewhere, open_folder / "postgres"):
        folder.mkdir()
    cluster = Cluster(open_folder / "postgres", "password", within=elsewhere)
    place = cluster.place
    assert place.parent == elsewhere
    assert place.stat().st_mode & 0o777 == 0o700
    assert Cluster(open_folder / "postgres", "password").place == place
    cluster.delete()
    assert not place.exists()


@pytest.mark.parametrize("file", ["", "PG_VERSION", "base/1/1259"])
def test_stopped_while_it_is_made_it_leaves_nothing_half_made(open_folder: Path, file: str) -> None:
    """At once, and while initdb's own servers write."""
    cluster = Cluster(open_folder / "postgres", "password")
    cluster.start()
    wait_for(lambda: not file or (cluster.place / "data" / file).exists(), what=f"{file} to be written")
    cluster.stop()
    assert not (cluster.place / "data").exists()
    assert not (cluster.place / "password").exists()
    with running(open_folder / "postgres") as again:
        psycopg.connect(again.url).close()
    cluster.delete()


def test_what_was_committed_is_there_after_a_restart(open_folder: Path) -> None:
    with running(open_folder / "postgres") as cluster, psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with running(open_folder / "postgres") as cluster, psycopg.connect(cluster.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    cluster.delete()


def test_a_cluster_that_cannot_start_says_why(open_folder: Path) -> None:
    with running(open_folder / "postgres") as cluster:
        (cluster.place / "data" / "postgresql.conf").write_text("shared_buffers = nonsense\n")
    cluster.start()
    with pytest.raises(ServerFailed, match="shared_buffers"):
        cluster.wait()
    cluster.delete()


def test_data_of_a_state_folder_that_is_gone_are_cleared_away_and_no_others(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    gone, kept = (Cluster(tmp_path / name, "password", within=shared) for name in ("gone", "kept"))
    places = []
    for cluster in (gone, kept):
        cluster.folder.mkdir()
        places.append(cluster.place)
    strangers = shared / "knogin-stranger"
    strangers.mkdir()
    shutil.rmtree(gone.folder)
    later = Cluster(tmp_path / "later", "password", within=shared)
    later.folder.mkdir()
    assert later.place.is_dir()
    assert [place.exists() for place in places] == [False, True]
    assert strangers.exists()


def test_data_that_a_server_runs_on_stay_though_their_state_folder_is_gone(tmp_path: Path) -> None:
    gone = Cluster(tmp_path / "gone", "password", within=tmp_path)
    gone.folder.mkdir()
    (gone.place / "data").mkdir()
    (gone.place / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    place = gone.place
    shutil.rmtree(gone.folder)
    later = Cluster(tmp_path / "later", "password", within=tmp_path)
    later.folder.mkdir()
    assert later.place != place
    assert place.exists()

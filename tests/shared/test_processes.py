"""A worker as a process: it finishes its task when stopped, and loses nothing when killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import pytest
from redis import Redis
from typer.testing import CliRunner

from deploy.local.databases import Database
from deploy.local.table import ROOT, SERVICES, Service
from tests.shared.support import (
    ACKS,
    acknowledging,
    consuming,
    effects,
    link,
    publish,
    relay_of,
    running,
    unacknowledged,
)
from tests.support.child import start_child
from tests.support.waiting import PATIENCE, wait_for


@contextmanager
def worker(consumer: Database, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "WORKER_DATABASE_URL": consumer.worker,
        "REDIS_URL": redis_url,
        "HELD": "1",
    }
    command = [sys.executable, "-m", "tests.shared.program", "device_ingest"]
    process = start_child(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_is_stopped_finishes_its_task(producer: Database, consumer: Database, redis_url: str) -> None:
    publish(producer, link("enc_1"))
    relay_of(producer, redis_url).send_due()
    with worker(consumer, redis_url) as process, Redis.from_url(redis_url) as redis:
        wait_for(lambda: redis.exists("begun"))
        assert effects(consumer) == (0, 0)
        process.send_signal(signal.SIGTERM)
        redis.set("go", "1")
        assert process.wait(PATIENCE) == 0
        assert effects(consumer) == (1, 1)
        assert redis.llen(ACKS) == 1


def test_a_worker_killed_in_the_middle_leaves_no_half_and_another_does_it_once(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link("enc_1"), link("enc_2"))
    with running(relay_of(producer, redis_url)), acknowledging(producer, redis_url):
        with worker(consumer, redis_url) as process, Redis.from_url(redis_url) as redis:
            wait_for(lambda: redis.exists("begun"))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert effects(consumer) == (0, 0)
        assert unacknowledged(producer) == 2
        with consuming("device_ingest", consumer, redis_url):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_each_service_lists_its_commands_without_any_setting(service: Service) -> None:
    answer = CliRunner().invoke(import_module(f"{service.module}.__main__").cli, ["--help"])
    assert answer.exit_code == 0
    for name in ("web", "relay", "migrate", "outbox", "audit"):
        assert f" {name} " in answer.stdout
    for name in ("worker", "dead-letters"):
        assert (f" {name} " in answer.stdout) == ("worker" in service.processes)


@pytest.mark.full
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_command_line_is_there_before_anything_that_only_a_process_needs(service: Service) -> None:
    heavy = {"celery", "httpx2", "opentelemetry.sdk", "prometheus_client", "redis", "uvicorn"}
    code = f"import sys, {service.module}.__main__; print(*{heavy} & sys.modules.keys())"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def test_processes_that_a_process_starts_get_none_of_its_settings() -> None:
    code = (
        "import os; from shared.command import observe; from shared.process.settings import Process, load;"
        " settings = load(Process); observe('epcr', settings, '127.0.0.1');"
        " print(*{name.upper() for name in settings.__struct_fields__} & os.environ.keys())"
    )
    environment = {"PATH": os.defpath, "OPS_PORT": "0", "LOG_LEVEL": "WARNING"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == []


@pytest.mark.full
@pytest.mark.parametrize("name", ["web", "worker", "relay", "migrate"])
def test_a_process_without_its_settings_says_which_in_one_line(name: str) -> None:
    command = [sys.executable, "-m", "services.epcr", name]
    answer = subprocess.run(command, cwd=ROOT, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "setting DATABASE_URL is missing\n"

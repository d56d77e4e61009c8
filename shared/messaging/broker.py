"""Celery over Redis, set so that nothing in Redis is missed when it is gone: the outbox holds every message until it is acknowledged."""

import logging
from typing import ClassVar

from celery import Celery
from celery.app.amqp import AMQP
from kombu.entity import Exchange
from redis import Redis

from shared.messaging.transport import ACKNOWLEDGE, CONSUME
from shared.process.redis_address import parse

__all__ = ["ACKNOWLEDGE", "CONSUME", "bell_key", "connect", "hand_over", "ring"]
log = logging.getLogger(__name__)


class Direct(AMQP):
    """Queues are Redis keys and no more: nobody has to write down anywhere, and be let to, what is bound to what."""

    default_exchange: ClassVar = Exchange("")  # type: ignore[assignment]
    autoexchange: ClassVar = staticmethod(lambda name: None)


def connect(service: str, redis_url: str) -> Celery:
    """A Celery app over `shared.messaging.transport`. A call that cannot be handed over fails within about two seconds."""
    app = Celery(service, broker=str(parse(redis_url)), amqp=Direct, set_as_current=False)
    app.conf.update(
        broker_transport="shared.messaging.transport:Transport",
        task_default_queue=f"{service}.own",
        task_ignore_result=True,
        # Acknowledged on receipt: what dies with its worker is sent again by the outbox, not after Redis' visibility time-out.
        task_acks_late=False,
        # Concerns late acknowledgement, so nothing here; unset, Celery warns on every lost connection.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_transport_options={
            "redis_url": redis_url,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            # One list per queue: nothing here has a priority, and each step would be a further key to look at.
            "priority_steps": [0],
        },
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


def hand_over(celery: Celery, queue: str, task: str, *args: str | int) -> None:
    """Puts a call into a queue, which may be another service's."""
    celery.send_task(task, args=args, queue=queue, declare=[])


def bell_key(service: str) -> str:
    return f"{service}.bell"


def ring(redis: Redis, service: str) -> None:
    """Wakes the service's relay, which also looks by itself: a lost call costs a second."""
    try:
        pipeline = redis.pipeline(transaction=False)
        pipeline.lpush(bell_key(service), "1")
        pipeline.ltrim(bell_key(service), 0, 0)
        pipeline.execute()
    except Exception as error:
        log.debug("bell not rung: %s", type(error).__name__)

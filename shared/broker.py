"""Celery over Redis, set so that nothing in Redis is missed when it is gone: the outbox holds every message until it is acknowledged."""

from celery import Celery
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONSUME = "consume"
ACKNOWLEDGE = "acknowledge"


def connect(service: str, redis_url: str) -> Celery:
    """A Celery app whose queue is the service's name. A call that cannot be handed over fails within about two seconds."""
    app = Celery(service, broker=redis_url, set_as_current=False)
    app.conf.update(
        task_default_queue=service,
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
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            # One list per queue: nothing here has a priority, and each step would be a further key to look at.
            "priority_steps": [0],
            "unacked_key": f"{service}.unacked",
            "unacked_index_key": f"{service}.unacked_index",
            "unacked_mutex_key": f"{service}.unacked_mutex",
        },
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


def redis_client(redis_url: str) -> Redis:
    """A Redis client that fails fast: everything it is used for has another way."""
    return Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=5, retry=Retry(NoBackoff(), 1))


def bell_key(service: str) -> str:
    return f"{service}.bell"

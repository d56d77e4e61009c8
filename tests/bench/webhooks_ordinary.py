"""The ordinary design, for comparison: one Celery task, one httpx2 call and one UPDATE for each delivery."""

import os
import threading

import httpx2
import psycopg
from celery import Celery

from services.webhook_dispatcher.sending.signing import request_headers

app = Celery("ordinary", broker=os.environ.get("BENCH_REDIS", ""))
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False, task_default_queue="ordinary")
KEY = bytes(32)
local = threading.local()


@app.task(name="deliver")
def deliver(delivery_id: str, url: str, body: str) -> None:
    if not hasattr(local, "client"):
        local.client = httpx2.Client(trust_env=False, timeout=15)
        local.conn = psycopg.connect(os.environ["BENCH_POSTGRES"], autocommit=True)
    answer = local.client.post(
        url, content=body.encode(), headers=request_headers(delivery_id, 1, [KEY], body.encode())
    )
    local.conn.execute("UPDATE ordinary SET status = %s WHERE id = %s", (answer.status_code, delivery_id))

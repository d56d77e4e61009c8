"""Runs inside a container of a service, with its settings alone, and says how Redis and the database answer an attacker's attempts.

`python -c <this file> <json>`: the JSON object has `redis`, lists of words, and `statements`, where `{me}`, `{owner}`, `{migrator}` and
`{database}` are names. Prints, in their order, the class of Redis' refusal and the SQLSTATE of the database for each attempt; null where it
ran. No user of the containers may run HELLO, with which a client of protocol 3 begins.
"""

import json
import os
import sys

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict


def refusal_of_redis(client: redis.Redis, words: list[str]) -> str | None:
    try:
        client.execute_command(*words)
    except redis.RedisError as error:
        return type(error).__name__
    return None


def refusal_of_database(address: str, statement: str) -> str | None:
    about = conninfo_to_dict(address)
    database, me = about["dbname"], str(about["user"])
    service = me.rpartition("_")[0]
    roles = {"me": me, "owner": f"{service}_owner", "migrator": f"{service}_migrator"}
    try:
        with psycopg.connect(address, autocommit=True) as conn:
            conn.execute(statement.format(database=database, **roles).encode())
    except psycopg.Error as error:
        return error.sqlstate or type(error).__name__
    return None


def main() -> None:
    given = json.loads(sys.argv[1])
    with redis.Redis.from_url(os.environ["REDIS_URL"], protocol=2) as client:
        answers = [refusal_of_redis(client, words) for words in given["redis"]]
    address = os.environ.get("WORKER_DATABASE_URL", os.environ["DATABASE_URL"])
    refused = [refusal_of_database(address, statement) for statement in given["statements"]]
    sys.stdout.write(json.dumps({"redis": answers, "statements": refused}))


if __name__ == "__main__":
    main()

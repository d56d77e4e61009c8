"""A Redis user per service: it takes from its own queues, and may append to one queue of each partner, and do no more there.

It can write no key that no process empties or sweeps, and use no database but the first: else junk of a user in strange hands would stay.
Who tells whom follows from the table in `shared.messaging.messages`. The local stack, docker-compose and Kubernetes use the same lines.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from services.webhook_dispatcher.queues import SENDER
from shared.messaging.broker import bell_key
from shared.messaging.messages import (
    SERVICES,
    acknowledgements_queue,
    batches_queue,
    consumers_of,
    producers_for,
    queues_of,
)
from shared.process.redis_clients import REVOCATIONS

# Each connection begins with ROLE; MULTI holds the two reads of a queue's length when a worker begins. No user may give a connection names.
CONNECTION_COMMANDS = "ping role multi exec discard info"
# A worker takes from its queues; web processes, workers, relays and senders ring and empty the service's bells.
OWN_COMMANDS = "brpop llen ltrim memory|usage"
BELL_COMMANDS = "lpush brpop blpop ltrim"
PARTNER_COMMANDS = "lpush llen memory|usage"
# A count is a number under a name of one length, so an attacker cannot make values or names that are too large to sweep.
GATEWAY_COMMANDS = "ping role incrby expire get scan unlink subscribe unsubscribe"
COUNTS = f"limit:{'?' * 10}:{'?' * 24}"
ENV = Path(__file__).parents[2] / ".env"
MONITOR_COMMANDS = "ping select info slowlog|len slowlog|get latency|latest"


# Where Redis has replicas and Sentinels: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
REPLICA_COMMANDS = "psync replconf ping"
SENTINEL_COMMANDS = (
    "multi exec slaveof ping subscribe config|rewrite role publish info client|setname client|kill script|kill"
)
SENTINEL_CLIENT_COMMANDS = "hello client|setinfo sentinel|get-master-addr-by-name"


def users(passwords: Mapping[str, str]) -> str:
    """The ACL file: one line a user, passwords as SHA-256. `probe` may only ping. Users are not replicated: each server has the file."""
    lines = ["user default off", "user probe on nopass resetchannels resetkeys -@all +ping"]
    for name in SERVICES:
        own = [*(f"~{queue}" for queue in queues_of(name)), *_commands(CONNECTION_COMMANDS), *_commands(OWN_COMMANDS)]
        rung = f"(-@all {' '.join(f'~{key}' for key in bells(name))} {' '.join(_commands(BELL_COMMANDS))})"
        # %W~ grants writing alone: a service can neither read back nor take away an item that it put there.
        partners = [f"(-@all %W~{queue} {' '.join(_commands(PARTNER_COMMANDS))})" for queue in partner_queues(name)]
        published = [f"&{REVOCATIONS}", "+publish"] if name == "auth" else []
        lines.append(_line(name, passwords[name], [*own, *published, rung, *partners]))
    gateway = [f"&{REVOCATIONS}", f"~{COUNTS}", *_commands(GATEWAY_COMMANDS)]
    lines.append(_line("gateway", passwords["gateway"], gateway))
    if "monitor" in passwords:  # an exporter, where there is one
        lines.append(_line("monitor", passwords["monitor"], _commands(MONITOR_COMMANDS)))
    if "replica" in passwords:
        lines.append(_line("replica", passwords["replica"], _commands(REPLICA_COMMANDS)))
    if "sentinel" in passwords:
        lines.append(_line("sentinel", passwords["sentinel"], ["&__sentinel__:hello", *_commands(SENTINEL_COMMANDS)]))
    return "\n".join(lines) + "\n"


def beside_default(passwords: Mapping[str, str]) -> str:
    """The same lines for a server whose default user keeps a password of its own."""
    return "".join(line for line in users(passwords).splitlines(keepends=True) if not line.startswith("user default"))


def sentinel_users(password: str) -> str:
    """For each Sentinel's own ACL file: services and gateway ask as `platform` where the primary is, and may do no more there."""
    return _line("platform", password, _commands(SENTINEL_CLIENT_COMMANDS)) + "\n"


def partner_queues(service: str) -> list[str]:
    """The queues of others that a service puts something into, and of its own that it puts something into for itself."""
    return [batches_queue(consumer, service) for consumer in consumers_of(service)] + [
        acknowledgements_queue(producer, service) for producer in producers_for(service)
    ]


def bells(service: str) -> list[str]:
    """The keys with which processes of a service wake one another."""
    return [bell_key(service), *([bell_key(SENDER)] if service == "webhook_dispatcher" else [])]


def _commands(names: str) -> list[str]:
    return [f"+{name}" for name in names.split()]


def _line(name: str, password: str, rules: list[str]) -> str:
    digest = hashlib.sha256(password.encode()).hexdigest()
    return " ".join([f"user {name} on #{digest} resetchannels resetkeys -@all", *rules])


def beside(line: str) -> str:
    """The redis-cli command that adds the rights of a user's line to its present rights, while old processes still run."""
    _, name, *rules = line.split(" ")
    kept = [rule for rule in rules if rule not in ("on", "resetchannels", "resetkeys") and not rule.startswith("#")]
    granted = " ".join(kept).removeprefix("-@all ").replace("(", '"(').replace(")", ')"')
    return f"ACL SETUSER {name} {granted}"


def main() -> None:
    """Print the ACL file for the passwords in .env; with `--beside`, commands that grant it to users that are there."""
    settings = dict(line.split("=", 1) for line in ENV.read_text().splitlines() if "=" in line)
    passwords = {name: settings[f"{name.upper()}_REDIS_PASSWORD"] for name in [*SERVICES, "gateway"]}
    for name in ("monitor", "replica", "sentinel"):
        if password := settings.get(f"{name.upper()}_REDIS_PASSWORD"):
            passwords[name] = password
    text = users(passwords)
    if "--beside" in sys.argv:
        lines = [line for line in text.splitlines() if line.split()[1] in SERVICES]
        text = "\n".join(map(beside, lines)) + "\n"
    sys.stdout.write(text)


if __name__ == "__main__":
    main()

"""A Redis user per service: it takes from its own queue, and may put into the queues of those it has something to tell."""

import hashlib
from collections.abc import Mapping

# Who tells whom, as in the messages between services; an acknowledgement goes back along every line.
TELLS = {
    "auth": ("webhook_dispatcher", "graphql_api", "epcr", "control_plane"),
    "webhook_dispatcher": ("control_plane",),
    "graphql_api": ("webhook_dispatcher", "control_plane"),
    "epcr": ("webhook_dispatcher", "graphql_api", "device_ingest"),
    "device_ingest": ("epcr", "webhook_dispatcher"),
    "control_plane": ("auth", "webhook_dispatcher", "graphql_api"),
}
# What a Celery worker and a producer send to Redis through kombu, and the bell.
COMMANDS = (
    "ping hello client|setname client|setinfo client|getname select multi exec discard watch unwatch info "
    "lpush rpush ltrim blpop brpop rpop lrange llen sadd srem smembers sismember zadd zrem zrange zcard zscore "
    "zrevrangebyscore zrangebyscore eval evalsha script|load hset hget hdel set get del exists expire pexpire "
    "publish subscribe psubscribe unsubscribe punsubscribe "
)
GATEWAY_COMMANDS = (
    "ping hello client|setname client|setinfo select multi exec eval evalsha script|load "
    "incrby expire pexpire get set subscribe unsubscribe"
)


def users(passwords: Mapping[str, str]) -> str:
    """The ACL file: one line a user, passwords as SHA-256. `probe` may only ping."""
    lines = ["user default off", "user probe on nopass resetchannels resetkeys -@all +ping"]
    lines += [_service(name, passwords[name]) for name in TELLS]
    lines.append(_line("gateway", passwords["gateway"], ["~limit:*"], ["&auth:revocations"], GATEWAY_COMMANDS))
    return "\n".join(lines) + "\n"


def _service(name: str, password: str) -> str:
    answered = [producer for producer, consumers in TELLS.items() if name in consumers]
    partners = sorted({*TELLS[name], *answered})
    # %W~ grants writing alone: what a service puts into another's queue it can neither read back nor count on.
    keys = [f"~{name}", f"~{name}.*", f"~_kombu.binding*.{name}", f"~_kombu.binding*.{name}.*"]
    for partner in partners:
        keys += [f"%W~{partner}", f"%RW~_kombu.binding*.{partner}"]
    channels = ["&auth:revocations"] if name == "auth" else []
    return _line(name, password, keys, channels, COMMANDS)


def _line(name: str, password: str, keys: list[str], channels: list[str], commands: str) -> str:
    digest = hashlib.sha256(password.encode()).hexdigest()
    granted = " ".join(f"+{command}" for command in commands.split())
    return " ".join([f"user {name} on #{digest} resetchannels resetkeys", *keys, *channels, "-@all", granted])

"""Makes the seven databases, each with an owner and three logins, on any cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.local.table import Service
from shared.storage import migrate as migrations

KINDS = ("migrator", "app", "worker")
# Nothing here uses large objects, and everybody could make some. deploy/compose/roles.sh has the same line.
NO_LARGE_OBJECTS: LiteralString = """
    REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea),
        lowrite(integer, bytea)
    FROM PUBLIC
"""


@dataclass(frozen=True)
class Database:
    """One service's database; every address is a postgresql:// URL for one of its roles."""

    name: str
    service: str
    admin: str
    migrator: str
    app: str
    worker: str


def role(service: Service, kind: str) -> str:
    return f"{service.database}_{kind}"


def described(service: Service, admin_url: str, passwords: Mapping[str, str], name: str = "") -> Database:
    """The addresses of a service's database. Its name is the service's, unless `name` is given."""
    name = name or service.database
    urls = {kind: address(admin_url, name, role(service, kind), passwords[role(service, kind)]) for kind in KINDS}
    return Database(name=name, service=service.name, admin=address(admin_url, name), **urls)


def address(admin_url: str, database: str, user: str = "", password: str = "") -> str:
    """`admin_url` with another database and, if given, another user."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(user)}:{quote(password)}@{host}" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=login, path=f"/{database}"))


def prepare_roles(admin_url: str, service: Service, passwords: Mapping[str, str]) -> None:
    """Makes the roles of a service, or sets their passwords if they exist.

    The owner cannot log in; the migrator can switch to it. Row-level security does not apply to either, because backfills and
    dumps must see every row.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        owner = role(service, "owner")
        for name, bypass in ((owner, True), *((role(service, kind), kind == "migrator") for kind in KINDS)):
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            statement = sql.SQL(
                "{} ROLE {} {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {} PASSWORD {}"
            ).format(
                sql.SQL("ALTER" if exists else "CREATE"),
                sql.Identifier(name),
                sql.SQL("NOLOGIN" if name == owner else "LOGIN"),
                sql.SQL("BYPASSRLS" if bypass else "NOBYPASSRLS"),
                sql.Literal(passwords.get(name)),
            )
            connection.execute(statement)
            connection.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(sql.Identifier(name)))
        migrator = role(service, "migrator")
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), sql.Identifier(migrator)))


def create(admin_url: str, service: Service, name: str = "", template: str = "template1") -> None:
    """Makes the database if it does not exist. Only its own roles may connect."""
    name = name or service.database
    with psycopg.connect(admin_url, autocommit=True) as connection:
        database, owner = sql.Identifier(name), sql.Identifier(role(service, "owner"))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, owner))
            return
        create_it = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(create_it.format(database, owner, sql.Identifier(template)))
        migrations.set_sessions(connection, name)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        users = sql.SQL(", ").join(sql.Identifier(role(service, kind)) for kind in ("app", "worker"))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, users))
    if template == "template1":  # a copy of a service's template has it
        with psycopg.connect(address(admin_url, name), autocommit=True) as connection:
            connection.execute(NO_LARGE_OBJECTS)


def drop(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def migrate(migrator_url: str, service: Service) -> list[str]:
    """Brings a database's schema up to date, the shared tables first. Returns the names of the migrations that ran."""
    directories = [migrations.SHARED, service.folder / "migrations"]
    return migrations.migrate(migrator_url, role(service, "app"), role(service, "worker"), directories)

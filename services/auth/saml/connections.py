"""SAML connections: their rows, and the rules for creating and changing them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography import x509
from msgspec import UNSET
from psycopg.types.json import Jsonb

from services.auth.apps import scopes
from services.auth.saml import documents, domains, metadata, queries
from services.auth.saml.documents import MessageRefused
from services.auth.saml.metadata import IdentityProvider
from services.auth.saml.models import (
    AttributeMapping,
    Certificate,
    Connection,
    ConnectionChange,
    ConnectionDraft,
    ConnectionRow,
    DomainRow,
    IdentityProviderRead,
    MetadataDraft,
    OpenConnection,
    ReadCertificate,
    ServiceProvider,
)
from services.auth.saml.reader import PastedMetadata
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web import problems
from shared.web.problems import FieldError
from shared.web.strict_json import pointer_of

PREFIX = "samlc"


def key_context(connection_id: str) -> bytes:
    """The encryption context of our private key for a connection."""
    return f"saml_connections/{connection_id}/own_key".encode()


async def load(conn: AsyncConnection, connection_id: str, *, lock: bool = False) -> ConnectionRow:
    """Raises a 404 Problem for anything that is not a connection of this tenant."""
    if not ids.is_id(connection_id, PREFIX):
        raise problems.not_found()
    query = queries.CONNECTION_FOR_UPDATE if lock else queries.CONNECTION
    return await database.found(conn, ConnectionRow, query, (connection_id,))


async def find(conn: AsyncConnection, connection_id: str) -> OpenConnection | None:
    """The connection of any tenant, before the tenant is known."""
    if not ids.is_id(connection_id, PREFIX):
        return None
    return await database.first(conn, OpenConnection, queries.FIND_CONNECTION, (connection_id,))


async def insert(
    conn: AsyncConnection,
    keyring: Keyring,
    tenant_id: str,
    fields: dict[str, Any],
    own_key: bytes,
    own_certificate: str,
) -> ConnectionRow:
    connection_id = ids.new_id(PREFIX)
    row = _row(fields) | {
        "connection_id": connection_id,
        "tenant_id": tenant_id,
        "own_key": keyring.encrypt(own_key, key_context(connection_id)),
        "own_certificate": own_certificate,
    }
    return await database.found(conn, ConnectionRow, queries.INSERT_CONNECTION, row)


async def save(conn: AsyncConnection, connection: ConnectionRow, changes: dict[str, Any]) -> ConnectionRow:
    """Writes `changes` to a locked connection."""
    row = _row(msgspec.structs.asdict(connection) | changes)
    return await database.found(conn, ConnectionRow, queries.UPDATE_CONNECTION, row)


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {name: Jsonb(msgspec.to_builtins(fields[name])) for name in ("attribute_mapping", "role_mapping")}


async def pin(conn: AsyncConnection, connection: ConnectionRow, wanted: Sequence[x509.Certificate]) -> list[str]:
    """Pins these certificates and no others. Returns the fingerprints."""
    fingerprints = [documents.fingerprint(certificate) for certificate in wanted]
    await conn.execute(queries.KEEP_CERTIFICATES, (connection.connection_id, fingerprints))
    for fingerprint, certificate in zip(fingerprints, wanted, strict=True):
        validity = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        row = (connection.connection_id, fingerprint, connection.tenant_id, metadata.to_pem(certificate), *validity)
        await conn.execute(queries.ADD_CERTIFICATE, row)
    return fingerprints


async def domains_of(conn: AsyncConnection, connection_id: str) -> list[DomainRow]:
    return await database.every(conn, DomainRow, queries.DOMAINS, (connection_id,))


async def shown(conn: AsyncConnection, issuer: str, connection: ConnectionRow) -> Connection:
    mine = metadata.own(issuer, connection.connection_id, connection.own_certificate)
    return Connection(
        id=connection.connection_id,
        name=connection.name,
        status=connection.status,
        entity_id=connection.entity_id,
        sso_url=connection.sso_url,
        slo_url=connection.slo_url,
        certificates=await database.every(conn, Certificate, queries.CERTIFICATES, (connection.connection_id,)),
        name_id_format=connection.name_id_format,
        allow_idp_initiated=connection.allow_idp_initiated,
        attribute_mapping=mapping_of(connection),
        role_mapping=connection.role_mapping,
        default_role=connection.default_role,
        domains=[domains.shown(row) for row in await domains_of(conn, connection.connection_id)],
        service_provider=ServiceProvider(
            entity_id=mine.entity_id,
            metadata_url=mine.entity_id,
            login_url=mine.acs_url.removesuffix("acs") + "login",
            acs_url=mine.acs_url,
            slo_url=mine.slo_url,
            certificate=connection.own_certificate,
        ),
        created_at=connection.created_at,
        updated_at=connection.updated_at,
        last_sign_in_at=connection.last_sign_in_at,
    )


def read_of(fields: Mapping[str, Any], wanted: Sequence[x509.Certificate]) -> IdentityProviderRead:
    return IdentityProviderRead(
        entity_id=fields.get("entity_id", ""),
        sso_url=fields.get("sso_url", ""),
        slo_url=fields["slo_url"],
        certificates=[
            ReadCertificate(documents.fingerprint(one), one.not_valid_before_utc, one.not_valid_after_utc)
            for one in wanted
        ],
    )


def new_own(issuer: str) -> tuple[bytes, str]:
    """Our key and certificate for one connection. Takes about 0.1 s of processor time."""
    return metadata.new_own_certificate(issuer.partition("://")[2].partition(":")[0][:64], datetime.now(UTC))


# --- Rules ------------------------------------------------------------------------------------------------------------

ReadsMetadata = Callable[[PastedMetadata], Awaitable[IdentityProvider]]
FROM_METADATA = ("entity_id", "sso_url", "slo_url", "certificates")


async def resolved(
    wanted: ConnectionDraft | ConnectionChange | MetadataDraft, read: ReadsMetadata, *, plain_http: bool
) -> dict[str, Any]:
    """The fields that `wanted` names, also those of pasted metadata. Raises Problem: 422, or 503 while too many documents are read."""
    named = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if getattr(wanted, name) is not UNSET}
    pasted = named.pop("metadata_xml", None)
    if pasted is not None:
        if both := [name for name in FROM_METADATA if name in named]:
            _refuse([FieldError(f"/{name}", "metadata_xml has it too; send one of the two") for name in both])
        try:
            named |= (await read(PastedMetadata(text=pasted, plain_http=plain_http)))._asdict()
        except MessageRefused as refused:
            if refused.reason in ("busy", "too_many"):
                raise problems.unavailable("Too much metadata is being read; try again.") from None
            code = "not_xml" if refused.reason == "malformed" else refused.reason
            raise problems.invalid(
                "The metadata cannot be used.", [FieldError("/metadata_xml", refused.detail, code)]
            ) from None
    errors = []
    for name in ("sso_url", "slo_url"):
        if named.get(name) and (problem := metadata.problem_with_url(named[name], plain_http=plain_http)) is not None:
            errors.append(FieldError(f"/{name}", problem))
    for name in ("name", "entity_id"):
        if name in named and not named[name].isprintable():
            errors.append(FieldError(f"/{name}", "holds unprintable characters"))
    _refuse(errors)
    return named


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise problems.invalid("The request does not fit; see errors.", errors)


def check_complete(named: Mapping[str, Any]) -> None:
    """Raises a 422 Problem unless all fields of an identity provider except its logout are there."""
    missing = [name for name in FROM_METADATA if name != "slo_url" and name not in named]
    _refuse([FieldError(f"/{name}", "is missing; send it, or metadata_xml") for name in missing])


def check_roles(attributes: AttributeMapping, mapping: Mapping[str, Sequence[str]]) -> None:
    """Raises a 422 Problem for a mapping without an attribute of roles, and for unknown scopes."""
    errors = []
    if mapping and not attributes.roles:
        errors.append(FieldError("/attribute_mapping/roles", "names no attribute, and role_mapping needs one"))
    for role, granted in mapping.items():
        pointer = pointer_of("/role_mapping", role)
        for index, scope in enumerate(granted):
            if scope not in scopes.ALL:
                errors.append(
                    FieldError(f"{pointer}/{index}", "Not a scope; GET /v1/platform/scopes lists them.", "enum")
                )
    _refuse(errors)


def pinned(pems: Sequence[str], now: datetime | None = None) -> list[x509.Certificate]:
    """The certificates, each once. Raises a 422 Problem for a certificate that cannot verify any signature."""
    found: dict[str, x509.Certificate] = {}
    for index, text in enumerate(pems):
        try:
            certificate = metadata.read_certificate(text)
            metadata.check_validity(certificate, now or datetime.now(UTC))
        except metadata.Unusable as error:
            raise problems.invalid(
                "A certificate cannot be pinned.", [FieldError(f"/certificates/{index}", str(error))]
            ) from None
        found[documents.fingerprint(certificate)] = certificate
    return list(found.values())


def mapping_of(connection: ConnectionRow) -> AttributeMapping:
    return AttributeMapping(**connection.attribute_mapping)

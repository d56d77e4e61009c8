"""What a connection may be made of and changed to. Pure: refusals are field errors, with a pointer to what is wrong."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.x509 import Certificate
from msgspec import UNSET

from services.auth.apps import scopes
from services.auth.saml import certificates, metadata, signatures
from services.auth.saml.documents import Refused
from services.auth.saml.metadata import IdentityProvider
from services.auth.saml.models import AttributeMapping, Connection, ConnectionChange, ConnectionDraft
from services.auth.saml.reader import PastedMetadata
from shared import problems
from shared.faults import pointer_of
from shared.problems import FieldError

ReadsMetadata = Callable[[PastedMetadata], Awaitable[IdentityProvider]]
FROM_METADATA = ("entity_id", "sso_url", "slo_url", "certificates")


async def resolved(
    wanted: ConnectionDraft | ConnectionChange, read: ReadsMetadata, *, plain_http: bool
) -> dict[str, Any]:
    """The fields that `wanted` names, those out of pasted metadata among them. Raises Problem: 422, or 503 where too many are read."""
    named = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if getattr(wanted, name) is not UNSET}
    pasted = named.pop("metadata_xml", None)
    if pasted is not None:
        if both := [name for name in FROM_METADATA if name in named]:
            _refuse([FieldError(f"/{name}", "stands in metadata_xml as well; send one of the two") for name in both])
        named |= await _from_metadata(PastedMetadata(text=pasted, plain_http=plain_http), read)
    _refuse([*_check_urls(named, plain_http=plain_http), *_check_text(named)])
    return named


async def _from_metadata(pasted: PastedMetadata, read: ReadsMetadata) -> dict[str, Any]:
    try:
        return (await read(pasted))._asdict()
    except Refused as refused:
        if refused.reason in ("busy", "too_many"):
            raise problems.unavailable("Too much metadata is being read; try again.") from None
        detail = refused.detail if refused.reason == "metadata" else f"{refused.reason}: {refused.detail}"
        raise problems.invalid("The metadata cannot be used.", [FieldError("/metadata_xml", detail)]) from None


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise problems.invalid("The request does not fit; see errors.", errors)


def _check_urls(named: Mapping[str, Any], *, plain_http: bool) -> list[FieldError]:
    found = [
        (name, metadata.problem_with_url(named[name], plain_http=plain_http))
        for name in ("sso_url", "slo_url")
        if named.get(name)
    ]
    return [FieldError(f"/{name}", problem) for name, problem in found if problem is not None]


def _check_text(named: Mapping[str, Any]) -> list[FieldError]:
    texts = [(name, named[name]) for name in ("name", "entity_id") if name in named]
    return [FieldError(f"/{name}", "holds unprintable characters") for name, text in texts if not text.isprintable()]


def check_complete(named: Mapping[str, Any]) -> None:
    """A new connection needs all of an identity provider but its logout. Raises a 422 Problem."""
    missing = [name for name in FROM_METADATA if name != "slo_url" and name not in named]
    _refuse([FieldError(f"/{name}", "is missing; send it, or metadata_xml") for name in missing])


def check_roles(attributes: AttributeMapping, mapping: Mapping[str, Sequence[str]]) -> None:
    """Raises a 422 Problem for roles that nothing is read from, and scopes there are not."""
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


def pinned(pems: Sequence[str], now: datetime | None = None) -> list[Certificate]:
    """The certificates, each once. Raises a 422 Problem for one that could never vouch for anything."""
    found: dict[str, Certificate] = {}
    for index, text in enumerate(pems):
        try:
            certificate = certificates.read(text)
            certificates.check_validity(certificate, now or datetime.now(UTC))
        except certificates.Unusable as error:
            raise problems.invalid(
                "A certificate cannot be pinned.", [FieldError(f"/certificates/{index}", str(error))]
            ) from None
        found[signatures.fingerprint(certificate)] = certificate
    return list(found.values())


def mapping_of(connection: Connection) -> AttributeMapping:
    return AttributeMapping(**connection.attribute_mapping)

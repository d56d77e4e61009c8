"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_SAML_CONNECTIONS = Operation("listSamlConnections", "GET", "/v1/saml/connections", {200: models.saml.Connections})
_CREATE_SAML_CONNECTION = Operation(
    "createSamlConnection", "POST", "/v1/saml/connections", {201: models.saml.Connection}, body="json", keyed=True
)
_READ_SAML_METADATA = Operation(
    "readSamlMetadata", "POST", "/v1/saml/metadata", {200: models.saml.IdentityProviderRead}, body="json"
)
_GET_SAML_CONNECTION = Operation("getSamlConnection", "GET", "/v1/saml/connections/{}", {200: models.saml.Connection})
_UPDATE_SAML_CONNECTION = Operation(
    "updateSamlConnection", "PATCH", "/v1/saml/connections/{}", {200: models.saml.Connection}, body="json"
)
_DELETE_SAML_CONNECTION = Operation("deleteSamlConnection", "DELETE", "/v1/saml/connections/{}", {204: None})
_LIST_SAML_CONNECTION_EVENTS = Operation(
    "listSamlConnectionEvents", "GET", "/v1/saml/connections/{}/events", {200: models.saml.RefusedSignIns}
)
_LIST_SAML_USERS = Operation("listSamlUsers", "GET", "/v1/saml/connections/{}/users", {200: models.saml.LinkedUsers})
_UNLINK_SAML_USER = Operation("unlinkSamlUser", "DELETE", "/v1/saml/connections/{}/users/{}", {204: None})
_CLAIM_SAML_DOMAIN = Operation(
    "claimSamlDomain", "POST", "/v1/saml/connections/{}/domains", {201: models.saml.Domain}, body="json", keyed=True
)
_GET_SAML_DOMAIN = Operation("getSamlDomain", "GET", "/v1/saml/connections/{}/domains/{}", {200: models.saml.Domain})
_DELETE_SAML_DOMAIN = Operation("deleteSamlDomain", "DELETE", "/v1/saml/connections/{}/domains/{}", {204: None})
_PROVE_SAML_DOMAIN = Operation(
    "proveSamlDomain", "POST", "/v1/saml/connections/{}/domains/{}/prove", {200: models.saml.Domain}
)
_GET_SAML_POLICY = Operation("getSamlPolicy", "GET", "/v1/saml/policy", {200: models.saml.Policy})
_SET_SAML_POLICY = Operation("setSamlPolicy", "PUT", "/v1/saml/policy", {200: models.saml.Policy}, body="json")
_GET_SAML_METADATA = Operation("getSamlMetadata", "GET", "/v1/saml/{}/metadata", {200: bytes}, auth="open")


class Saml:
    """Federation: the people of an organisation sign in through its own identity provider."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_saml_connections(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.saml.Connection]:
        """List SAML connections.

        Newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_SAML_CONNECTIONS, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="connections")
        )

    def create_saml_connection(
        self, body: models.saml.ConnectionDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.saml.Connection:
        """Create a SAML connection.

        From the identity provider's metadata as pasted XML (no address in it is fetched), or from `entity_id`,
        `sso_url`, `slo_url` and one or two `certificates` in PEM. Where roles are mapped, apps get no scope in a
        person's name beyond their roles'.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_SAML_CONNECTION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def read_saml_metadata(
        self, body: models.saml.MetadataDraft, *, timeout: float | None = None
    ) -> models.saml.IdentityProviderRead:
        """Read metadata without using it.

        The addresses and signing certificates of pasted metadata, or of certificates in PEM, as a connection would
        get them. Nothing is kept: look at new metadata with it before you PATCH a connection.

        Scope: `platform:apps`.
        """
        return self._client._call(Call(_READ_SAML_METADATA, body=body, timeout=timeout))

    def get_saml_connection(self, connection_id: str, *, timeout: float | None = None) -> models.saml.Connection:
        """Inspect a SAML connection.

        With its domains and pinned certificates, and our side for the identity provider's administrator.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        """
        return self._client._call(Call(_GET_SAML_CONNECTION, path=(connection_id,), timeout=timeout))

    def update_saml_connection(
        self, connection_id: str, body: models.saml.ConnectionChange, *, timeout: float | None = None
    ) -> models.saml.Connection:
        """Change a SAML connection.

        Changes the fields it names. `certificates` replaces the pinned ones: send the old and the new one during a
        roll-over. Disabling ends the sessions that it started and the grants of its people. A changed
        `role_mapping` applies at once to the roles of people's last sign-ins; people without a mapped role must
        sign in again.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        """
        return self._client._call(Call(_UPDATE_SAML_CONNECTION, path=(connection_id,), body=body, timeout=timeout))

    def delete_saml_connection(self, connection_id: str, *, timeout: float | None = None) -> None:
        """Delete a SAML connection.

        Ends its sessions and the grants of its people. Its domains and its links to users are deleted; the users
        stay.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        """
        return self._client._call(Call(_DELETE_SAML_CONNECTION, path=(connection_id,), timeout=timeout))

    def list_saml_connection_events(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.saml.RefusedSignIn]:
        """List refused sign-ins.

        Why answers and logouts of the last 30 days were refused, with the expected and the received value.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_SAML_CONNECTION_EVENTS,
                path=(connection_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="events",
            )
        )

    def list_saml_users(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.saml.LinkedUser]:
        """List users of a SAML connection.

        The people who signed in through it, with the roles of their last sign-in.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_SAML_USERS,
                path=(connection_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="users",
            )
        )

    def unlink_saml_user(self, connection_id: str, user_id: str, *, timeout: float | None = None) -> None:
        """Unlink a user from a SAML connection.

        Ends their sessions through it and their grants. At the next sign-in the address may be linked to another
        NameID.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `user_id`: The person's id.
        """
        return self._client._call(
            Call(
                _UNLINK_SAML_USER,
                path=(
                    connection_id,
                    user_id,
                ),
                timeout=timeout,
            )
        )

    def claim_saml_domain(
        self,
        connection_id: str,
        body: models.saml.DomainDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.saml.Domain:
        """Claim an e-mail domain.

        Answers the DNS record to publish. A claim has no effect until it is proven.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _CLAIM_SAML_DOMAIN,
                path=(connection_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def get_saml_domain(self, connection_id: str, domain: str, *, timeout: float | None = None) -> models.saml.Domain:
        """Inspect an e-mail domain.

        With the DNS record that proves it.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `domain`: An e-mail domain, in its ASCII form.
        """
        return self._client._call(
            Call(
                _GET_SAML_DOMAIN,
                path=(
                    connection_id,
                    domain,
                ),
                timeout=timeout,
            )
        )

    def delete_saml_domain(self, connection_id: str, domain: str, *, timeout: float | None = None) -> None:
        """Give up an e-mail domain.

        Its people are no longer led to the connection when they sign in.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `domain`: An e-mail domain, in its ASCII form.
        """
        return self._client._call(
            Call(
                _DELETE_SAML_DOMAIN,
                path=(
                    connection_id,
                    domain,
                ),
                timeout=timeout,
            )
        )

    def prove_saml_domain(self, connection_id: str, domain: str, *, timeout: float | None = None) -> models.saml.Domain:
        """Prove an e-mail domain.

        Looks for the record now.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `domain`: An e-mail domain, in its ASCII form.
        """
        return self._client._call(
            Call(
                _PROVE_SAML_DOMAIN,
                path=(
                    connection_id,
                    domain,
                ),
                timeout=timeout,
            )
        )

    def get_saml_policy(self, *, timeout: float | None = None) -> models.saml.Policy:
        """Read the sign-in policy.

        Whether people must sign in through a connection, and whose password still works.

        Scope: `platform:apps`.
        """
        return self._client._call(Call(_GET_SAML_POLICY, timeout=timeout))

    def set_saml_policy(self, body: models.saml.PolicyChange, *, timeout: float | None = None) -> models.saml.Policy:
        """Set the sign-in policy.

        Enforcing refuses the passwords of all people except the break-glass user. It ends the sessions that began
        with a password, and the grants of the other people who have one.

        Scope: `platform:apps`.
        """
        return self._client._call(Call(_SET_SAML_POLICY, body=body, timeout=timeout))

    def get_saml_metadata(self, connection: str, *, timeout: float | None = None) -> bytes:
        """Read our SAML metadata.

        For the identity provider of one connection. Assertions must be signed, with SHA-256 or better, and not be
        encrypted.

        `connection`: The connection's id.
        """
        return self._client._call(Call(_GET_SAML_METADATA, path=(connection,), timeout=timeout))


class AsyncSaml:
    """Federation: the people of an organisation sign in through its own identity provider."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_saml_connections(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.saml.Connection]:
        """List SAML connections.

        Newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_SAML_CONNECTIONS, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="connections")
        )

    async def create_saml_connection(
        self, body: models.saml.ConnectionDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.saml.Connection:
        """Create a SAML connection.

        From the identity provider's metadata as pasted XML (no address in it is fetched), or from `entity_id`,
        `sso_url`, `slo_url` and one or two `certificates` in PEM. Where roles are mapped, apps get no scope in a
        person's name beyond their roles'.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_SAML_CONNECTION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def read_saml_metadata(
        self, body: models.saml.MetadataDraft, *, timeout: float | None = None
    ) -> models.saml.IdentityProviderRead:
        """Read metadata without using it.

        The addresses and signing certificates of pasted metadata, or of certificates in PEM, as a connection would
        get them. Nothing is kept: look at new metadata with it before you PATCH a connection.

        Scope: `platform:apps`.
        """
        return await self._client._call(Call(_READ_SAML_METADATA, body=body, timeout=timeout))

    async def get_saml_connection(self, connection_id: str, *, timeout: float | None = None) -> models.saml.Connection:
        """Inspect a SAML connection.

        With its domains and pinned certificates, and our side for the identity provider's administrator.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        """
        return await self._client._call(Call(_GET_SAML_CONNECTION, path=(connection_id,), timeout=timeout))

    async def update_saml_connection(
        self, connection_id: str, body: models.saml.ConnectionChange, *, timeout: float | None = None
    ) -> models.saml.Connection:
        """Change a SAML connection.

        Changes the fields it names. `certificates` replaces the pinned ones: send the old and the new one during a
        roll-over. Disabling ends the sessions that it started and the grants of its people. A changed
        `role_mapping` applies at once to the roles of people's last sign-ins; people without a mapped role must
        sign in again.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        """
        return await self._client._call(
            Call(_UPDATE_SAML_CONNECTION, path=(connection_id,), body=body, timeout=timeout)
        )

    async def delete_saml_connection(self, connection_id: str, *, timeout: float | None = None) -> None:
        """Delete a SAML connection.

        Ends its sessions and the grants of its people. Its domains and its links to users are deleted; the users
        stay.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        """
        return await self._client._call(Call(_DELETE_SAML_CONNECTION, path=(connection_id,), timeout=timeout))

    def list_saml_connection_events(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.saml.RefusedSignIn]:
        """List refused sign-ins.

        Why answers and logouts of the last 30 days were refused, with the expected and the received value.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_SAML_CONNECTION_EVENTS,
                path=(connection_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="events",
            )
        )

    def list_saml_users(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.saml.LinkedUser]:
        """List users of a SAML connection.

        The people who signed in through it, with the roles of their last sign-in.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_SAML_USERS,
                path=(connection_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="users",
            )
        )

    async def unlink_saml_user(self, connection_id: str, user_id: str, *, timeout: float | None = None) -> None:
        """Unlink a user from a SAML connection.

        Ends their sessions through it and their grants. At the next sign-in the address may be linked to another
        NameID.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `user_id`: The person's id.
        """
        return await self._client._call(
            Call(
                _UNLINK_SAML_USER,
                path=(
                    connection_id,
                    user_id,
                ),
                timeout=timeout,
            )
        )

    async def claim_saml_domain(
        self,
        connection_id: str,
        body: models.saml.DomainDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.saml.Domain:
        """Claim an e-mail domain.

        Answers the DNS record to publish. A claim has no effect until it is proven.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _CLAIM_SAML_DOMAIN,
                path=(connection_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def get_saml_domain(
        self, connection_id: str, domain: str, *, timeout: float | None = None
    ) -> models.saml.Domain:
        """Inspect an e-mail domain.

        With the DNS record that proves it.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `domain`: An e-mail domain, in its ASCII form.
        """
        return await self._client._call(
            Call(
                _GET_SAML_DOMAIN,
                path=(
                    connection_id,
                    domain,
                ),
                timeout=timeout,
            )
        )

    async def delete_saml_domain(self, connection_id: str, domain: str, *, timeout: float | None = None) -> None:
        """Give up an e-mail domain.

        Its people are no longer led to the connection when they sign in.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `domain`: An e-mail domain, in its ASCII form.
        """
        return await self._client._call(
            Call(
                _DELETE_SAML_DOMAIN,
                path=(
                    connection_id,
                    domain,
                ),
                timeout=timeout,
            )
        )

    async def prove_saml_domain(
        self, connection_id: str, domain: str, *, timeout: float | None = None
    ) -> models.saml.Domain:
        """Prove an e-mail domain.

        Looks for the record now.

        Scope: `platform:apps`.

        `connection_id`: The connection's id.
        `domain`: An e-mail domain, in its ASCII form.
        """
        return await self._client._call(
            Call(
                _PROVE_SAML_DOMAIN,
                path=(
                    connection_id,
                    domain,
                ),
                timeout=timeout,
            )
        )

    async def get_saml_policy(self, *, timeout: float | None = None) -> models.saml.Policy:
        """Read the sign-in policy.

        Whether people must sign in through a connection, and whose password still works.

        Scope: `platform:apps`.
        """
        return await self._client._call(Call(_GET_SAML_POLICY, timeout=timeout))

    async def set_saml_policy(
        self, body: models.saml.PolicyChange, *, timeout: float | None = None
    ) -> models.saml.Policy:
        """Set the sign-in policy.

        Enforcing refuses the passwords of all people except the break-glass user. It ends the sessions that began
        with a password, and the grants of the other people who have one.

        Scope: `platform:apps`.
        """
        return await self._client._call(Call(_SET_SAML_POLICY, body=body, timeout=timeout))

    async def get_saml_metadata(self, connection: str, *, timeout: float | None = None) -> bytes:
        """Read our SAML metadata.

        For the identity provider of one connection. Assertions must be signed, with SHA-256 or better, and not be
        encrypted.

        `connection`: The connection's id.
        """
        return await self._client._call(Call(_GET_SAML_METADATA, path=(connection,), timeout=timeout))

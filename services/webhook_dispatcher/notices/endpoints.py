"""HTTP endpoints of the contacts of an app: addresses that get mail about its webhooks."""

from starlette.requests import Request

from services.webhook_dispatcher.notices import mail_queries as queries
from services.webhook_dispatcher.notices.models import Contacts, ContactsChange, ContactsQuery, ContactsRow
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.subscriptions.administrators import app_of
from services.webhook_dispatcher.subscriptions.endpoints import find_app
from shared.process.mail import is_address
from shared.storage import audit
from shared.storage.database import first, found, tenant_transaction
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError


async def read_contacts(request: Request, caller: Caller, asked: ContactsQuery) -> Contacts:
    vault: Vault = request.state.vault
    client_id = app_of(caller, asked.client_id)
    async with tenant_transaction(request, caller) as conn:
        row = await first(conn, ContactsRow, queries.FIND_CONTACTS, {"client_id": client_id})
    return Contacts([], None) if row is None else Contacts(vault.contacts(client_id, row.emails), row.updated_at)


async def change_contacts(request: Request, caller: Caller, change: ContactsChange) -> Contacts:
    client_id = app_of(caller, change.client_id)
    reason = "not an address such as ops@integrator.example, or named twice"
    known = [email.lower() for email in change.emails]
    wrong = [
        FieldError(f"/emails/{index}", reason)
        for index, email in enumerate(change.emails)
        if not is_address(email) or email.lower() in known[:index]
    ]
    if wrong:
        raise problems.invalid("The contacts do not fit; see errors.", wrong)
    vault: Vault = request.state.vault
    app = {"tenant_id": caller.tenant_id, "client_id": client_id}
    async with tenant_transaction(request, caller) as conn:
        await find_app(conn, caller, client_id)
        await audit.record(conn, caller, "webhook.contacts_changed", client_id, {"number": len(change.emails)})
        if not change.emails:
            await conn.execute(queries.DELETE_CONTACTS, app)
            return Contacts([], None)
        sealed = vault.seal_contacts(client_id, change.emails)
        parameters = app | {"emails": sealed, "number": len(change.emails)}
        row = await found(conn, ContactsRow, queries.SET_CONTACTS, parameters)
    return Contacts(change.emails, row.updated_at)

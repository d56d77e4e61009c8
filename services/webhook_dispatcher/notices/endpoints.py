"""HTTP endpoints of the contacts of an app: addresses that get mail about its webhooks."""

from starlette.requests import Request

from services.webhook_dispatcher.notices import mail_queries as queries
from services.webhook_dispatcher.notices.models import Contacts, ContactsChange, ContactsRow
from services.webhook_dispatcher.sending.signing import Vault
from shared.process.mail import is_address
from shared.storage import audit
from shared.storage.database import first, found, tenant_transaction
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError


async def read_contacts(request: Request, caller: Caller) -> Contacts:
    vault: Vault = request.state.vault
    async with tenant_transaction(request, caller) as conn:
        row = await first(conn, ContactsRow, queries.FIND_CONTACTS, {"client_id": caller.client_id})
    return Contacts([], None) if row is None else Contacts(vault.contacts(caller.client_id, row.emails), row.updated_at)


async def change_contacts(request: Request, caller: Caller, change: ContactsChange) -> Contacts:
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
    app = {"tenant_id": caller.tenant_id, "client_id": caller.client_id}
    async with tenant_transaction(request, caller) as conn:
        await audit.record(conn, caller, "webhook.contacts_changed", caller.client_id, {"number": len(change.emails)})
        if not change.emails:
            await conn.execute(queries.DELETE_CONTACTS, app)
            return Contacts([], None)
        sealed = vault.seal_contacts(caller.client_id, change.emails)
        parameters = app | {"emails": sealed, "number": len(change.emails)}
        row = await found(conn, ContactsRow, queries.SET_CONTACTS, parameters)
    return Contacts(change.emails, row.updated_at)

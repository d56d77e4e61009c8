"""Records as the database has them: encrypted."""

from services.epcr.encounters import store
from services.epcr.records.models import Record
from shared.primitives.crypto import Keyring


def unseal(ciphertext: bytes, keyring: Keyring, tenant_id: str, encounter_id: str) -> Record:
    """Raises UnreadableCiphertext for a ciphertext of another encounter or tenant."""
    return store._decode(keyring.decrypt(ciphertext, store.context(tenant_id, encounter_id)))[0]

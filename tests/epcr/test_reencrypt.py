"""An encryption key can be replaced without losing a version."""

import pytest

from services.epcr.reencrypt import reencrypt
from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_encode
from tests.epcr.conftest import ENCRYPTION_KEYS, Client, Inside, Organisation, StartApp
from tests.epcr.samples import TYPICAL
from tests.epcr.sealed import unseal

NEW_KEY = f"2:{base64url_encode(bytes(range(3, 35)))}"


def test_every_record_and_version_is_readable_with_the_new_key_alone(
    organisation: Organisation, inside: Inside, start_app: StartApp
) -> None:
    ids = [organisation.partner.create(**TYPICAL) for _ in range(3)]
    organisation.crew.write(ids[0], {"narrative": "Second."})
    both = Keyring.from_text(f"{NEW_KEY},{ENCRYPTION_KEYS}")
    assert reencrypt(inside.owner, both) >= 7
    assert reencrypt(inside.owner, both) == 0
    new = Keyring.from_text(NEW_KEY)
    query = "SELECT record FROM encounter_versions WHERE encounter_id = %s ORDER BY version"
    narratives = [unseal(row[0], new, organisation.id, ids[0]).narrative for row in inside.rows(query, ids[0])]
    assert narratives == [TYPICAL["narrative"], "Second."]
    with start_app(encryption_keys=NEW_KEY) as http:
        crew = Client(http, organisation.id, "argus:epcr:clinical")
        assert crew.record(ids[1])["narrative"] == TYPICAL["narrative"]


def test_a_ciphertext_moved_to_another_encounter_cannot_be_read(organisation: Organisation, inside: Inside) -> None:
    one, another = organisation.partner.create(), organisation.partner.create()
    inside.owner.execute(
        "UPDATE encounters SET record = (SELECT record FROM encounters WHERE id = %s) WHERE id = %s", (one, another)
    )
    [(moved,)] = inside.rows("SELECT record FROM encounters WHERE id = %s", another)
    with pytest.raises(UnreadableCiphertext):
        unseal(moved, inside.keyring, organisation.id, another)
    assert organisation.crew.get(f"/api/v1/epcr/records/{another}").status_code == 500

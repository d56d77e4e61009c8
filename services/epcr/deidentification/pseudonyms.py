"""Keyed pseudonyms: constant for one partner, useless to another, and not to be guessed from a patient's number."""

import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from services.epcr.deidentification.numbers import is_long, is_published, number_of, system_of
from services.epcr.records.models import Patient, PatientIdentifier
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode
from shared.web.scopes import Mode

NAMESPACE = "https://knogin.com/fhir/pseudonyms"
SHIFT_DAYS = 50
# Kinds that encounters share: their pseudonyms do not depend on an encounter's identity.
_OF_MANY = frozenset({"patient", "device", "organization", "location", "crew", "practitioner", "list"})


class Number(NamedTuple):
    """A patient's number as keyed digests: of the number in its system (32 bytes, can be the basis of pseudonyms), and of the system (16).

    `is_person` is whether the system's numbers are of one person each. A number that is not `is_long` tells people apart, and connects
    nobody.
    """

    digest: bytes
    space: bytes
    is_person: bool
    is_long: bool


class Pseudonyms:
    """The keys, by version. The first makes new pseudonyms; an encounter keeps the version of its first disclosure."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        self._keys = keys
        self.current = next(iter(keys))

    @classmethod
    def from_text(cls, text: str) -> "Pseudonyms":
        """Reads `2:<base64url of 32 bytes>,1:<…>`. Raises ValueError for anything else."""
        keys: dict[int, bytes] = {}
        for part in text.split(","):
            version, _, encoded = part.strip().partition(":")
            key = base64url_decode(encoded)
            if not version.isdigit() or not 0 < int(version) < 32768 or len(key) != 32 or int(version) in keys:
                raise ValueError("PSEUDONYM_KEYS are <version>:<base64url of 32 bytes>, separated by commas")
            keys[int(version)] = key
        return cls(keys)

    def numbers(
        self,
        version: int,
        tenant_id: str,
        identifiers: Sequence[PatientIdentifier],
        own: Container[str] = (),
    ) -> list[Number]:
        """The patient's numbers in the order of their systems. A placeholder is none (`number_of`).

        `own` are the systems, each as `system_of` has it, that the organisation lists as those of one person.
        """
        key = self._keys[version]
        known = {(name, number_of(name, one.value)) for one in identifiers for name in (system_of(one.system),)}
        found = {(system, number) for system, number in known if number is not None}
        return [
            Number(
                _mac(key, "basis", tenant_id, "number", _plain(system), number),
                _mac(key, "system", tenant_id, system)[:16],
                is_published(system) or system in own,
                is_long(number),
            )
            for system, number in sorted(found, key=lambda one: (_plain(one[0]), one))
        ]

    def name(self, version: int, tenant_id: str, patient: Patient) -> bytes | None:
        """The full name with the date of birth as a keyed digest of 32 bytes; None where a part of them is not known. It is no basis."""
        name = patient.name
        if name is None or not (name.family and name.given and patient.birth_date):
            return None
        parts = [_plain(one) for one in (name.family, *name.given)]
        return _mac(self._keys[version], "name", tenant_id, patient.birth_date.isoformat(), *parts)

    def basis_of_encounter(self, version: int, tenant_id: str, encounter_id: str, identity: int = 1) -> bytes:
        """The basis of the pseudonyms of a patient without a number: 32 keyed bytes of this identity of the encounter."""
        source = ("encounter", encounter_id, *([] if identity == 1 else [str(identity)]))
        return _mac(self._keys[version], "basis", tenant_id, *source)

    def domain(self, version: int, tenant_id: str, name: str, mode: Mode = "exact", identity: int = 1) -> "Domain":
        """The pseudonyms of one partner in one mode. Raises KeyError when the key of `version` was removed."""
        return Domain(self._keys[version], version, tenant_id, name, mode, identity)

    def handover_domain(self, version: int, tenant_id: str, destination_id: str, identity: int) -> "Domain":
        """The pseudonyms in a destination's handovers, which are in no other bundle. Raises KeyError as `domain`."""
        return self.domain(version, tenant_id, f"handover {destination_id}", "exact", identity)

    def has(self, version: str) -> bool:
        """Whether there is a key of that version."""
        return version in map(str, self._keys)

    def ids_of(self, tenant_id: str, name: str, mode: Mode, alias: str) -> list[str]:
        """The ids that a partner's `alias` may mean: one under each key. Empty unless the alias has the form of an encounter's id."""
        if not ids.is_id(alias, "enc"):
            return []
        return [self.domain(version, tenant_id, name, mode).id_of(alias) for version in self._keys]


class Domain:
    """One partner's pseudonyms of one tenant: apps of one domain, in the same mode, see the same pseudonyms.

    `identity` is the number of the patient's identity in the encounter: a corrected identity has new pseudonyms of all entries.
    """

    def __init__(self, key: bytes, version: int, tenant_id: str, name: str, mode: Mode, identity: int = 1) -> None:
        self._identity = [] if identity == 1 else [str(identity)]
        # A pseudonym seen in two modes would connect a moved time with the exact one.
        self._key = _mac(key, "domain", tenant_id, name, *([] if mode == "exact" else [mode]))
        # The key's version is part of the system, because a new key begins a new name space.
        self.base = f"{NAMESPACE}/{version}/{_mac(self._key, 'tag').hex()[:16]}"

    def system(self, kind: str) -> str:
        """The identifier system of pseudonyms of that kind."""
        return f"{self.base}/{kind}"

    def uuid(self, kind: str, local: str | bytes) -> str:
        """A UUIDv8 (RFC 9562 §5.8) of 122 keyed bits."""
        digest = _mac(self._key, kind, local, *([] if kind in _OF_MANY else self._identity))
        number = int.from_bytes(digest[:16], "big")
        number = number & ~(0xF << 76) | 0x8 << 76
        number = number & ~(0x3 << 62) | 0x2 << 62
        return str(uuid.UUID(int=number))

    def alias(self, encounter_id: str) -> str:
        """Another id for an encounter, which does not show its time of creation. `id_of` reverses it."""
        encryptor = self._block().encryptor()
        return _through(encryptor.update, encounter_id)

    def id_of(self, alias: str) -> str:
        """The encounter's id. For an id that is no alias, an id that no encounter has."""
        decryptor = self._block().decryptor()
        return _through(decryptor.update, alias)

    def _block(self) -> Cipher[ECB]:
        # An id is one block, and one block under its own key is a permutation: there is no pattern to hide.
        return Cipher(AES(_mac(self._key, "alias")), ECB())  # noqa: S305 - one block, see above

    def shift_days(self, basis: bytes) -> int:
        """The days by which this patient's times are moved for this partner: -50 to 50, never 0."""
        step = int.from_bytes(_mac(self._key, "shift", basis)[:8], "big") % (2 * SHIFT_DAYS) - SHIFT_DAYS
        return step if step < 0 else step + 1


def _mac(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over parts with their lengths, so that no two lists of parts are alike."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return hmac.digest(key, b"".join(len(part).to_bytes(4, "big") + part for part in encoded), hashlib.sha256)


def _through(permute: Callable[[bytes], bytes], encounter_id: str) -> str:
    return ids.id_of("enc", uuid.UUID(bytes=permute(ids.uuid_of(encounter_id).bytes)))


def _plain(text: str) -> str:
    return re.sub(r"[\s.\-/]", "", text).casefold()

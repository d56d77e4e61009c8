"""Keyed pseudonyms: the same for one partner for ever, of no use to another, and not to be guessed from a patient's number."""

import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from services.epcr.models.patient import PatientIdentifier
from shared import ids
from shared.deidentification import Mode
from shared.encoding import base64url_decode

NAMESPACE = "https://knogin.com/fhir/pseudonyms"
SHIFT_DAYS = 50
# What is typed where a number is not known must never make two patients one.
_PLACEHOLDER = re.compile(r"(.)\1*|0*1?2?3?4?5?6?7?8?9?0?")


class Pseudonyms:
    """The keys, by version. The first makes new pseudonyms; an encounter keeps the version it was first shown under."""

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

    def basis(self, version: int, tenant_id: str, encounter_id: str, identifiers: Sequence[PatientIdentifier]) -> bytes:
        """What a patient's pseudonyms are made from: the patient's number where one is known, else this encounter. 32 bytes, keyed."""
        usable = sorted((_plain(one.system), _plain(one.value)) for one in identifiers if _is_number(one.value))
        source = ("number", *usable[0]) if usable else ("encounter", encounter_id)
        return _mac(self._keys[version], "basis", tenant_id, *source)

    def domain(self, version: int, tenant_id: str, name: str, mode: Mode = "exact") -> "Domain":
        """The pseudonyms of one partner in one mode. Raises KeyError when the key of `version` was taken away."""
        return Domain(self._keys[version], version, tenant_id, name, mode)

    def has(self, version: str) -> bool:
        """Whether there is a key of that version."""
        return version in map(str, self._keys)

    def aliased(self, tenant_id: str, name: str, mode: Mode, alias: str) -> list[str]:
        """The ids that a partner's `alias` may stand for: one under each key. Empty for what is no encounter's id."""
        if not ids.is_id(alias, "enc"):
            return []
        return [self.domain(version, tenant_id, name, mode).aliased(alias) for version in self._keys]


class Domain:
    """One partner's view of one tenant: who shares a domain, in the same mode, sees the same pseudonyms."""

    def __init__(self, key: bytes, version: int, tenant_id: str, name: str, mode: Mode) -> None:
        # A pseudonym seen in two modes would lead from a moved time to the exact one.
        self._key = _mac(key, "domain", tenant_id, name, *([] if mode == "exact" else [mode]))
        # The key's version stands in the system, so that a new key never passes for the same name space.
        self.base = f"{NAMESPACE}/{version}/{_mac(self._key, 'tag').hex()[:16]}"

    def system(self, kind: str) -> str:
        """The identifier system of pseudonyms of that kind."""
        return f"{self.base}/{kind}"

    def uuid(self, kind: str, local: str | bytes) -> str:
        """A UUIDv8 (RFC 9562 §5.8) of 122 keyed bits."""
        digest = _mac(self._key, kind, local)
        number = int.from_bytes(digest[:16], "big")
        number = number & ~(0xF << 76) | 0x8 << 76
        number = number & ~(0x3 << 62) | 0x2 << 62
        return str(uuid.UUID(int=number))

    def alias(self, encounter_id: str) -> str:
        """Another id for an encounter, which says nothing of when it was made and which `aliased` leads back."""
        encryptor = self._block().encryptor()
        return _through(encryptor.update, encounter_id)

    def aliased(self, alias: str) -> str:
        """The id that `alias` stands for; of any other id, one that no encounter has."""
        decryptor = self._block().decryptor()
        return _through(decryptor.update, alias)

    def _block(self) -> Cipher[ECB]:
        # An id is one block, and one block under a key of its own is a permutation: there is no pattern for a mode to hide.
        return Cipher(AES(_mac(self._key, "alias")), ECB())  # noqa: S305 - one block, see above

    def shift_days(self, basis: bytes) -> int:
        """By how many days this patient's times are moved for this partner: -50 to 50, never 0."""
        step = int.from_bytes(_mac(self._key, "shift", basis)[:8], "big") % (2 * SHIFT_DAYS) - SHIFT_DAYS
        return step if step < 0 else step + 1


def _mac(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over parts that cannot run into one another."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return hmac.digest(key, b"".join(len(part).to_bytes(4, "big") + part for part in encoded), hashlib.sha256)


def _through(permute: Callable[[bytes], bytes], encounter_id: str) -> str:
    return ids.id_of("enc", uuid.UUID(bytes=permute(ids.uuid_of(encounter_id).bytes)))


def _plain(text: str) -> str:
    return re.sub(r"[\s.\-/]", "", text).casefold()


def _is_number(text: str) -> bool:
    """Words are none in any language ("not known", "sconosciuto"), nor is one digit over and over."""
    plain = _plain(text)
    digits = set(re.findall(r"[0-9]", plain))
    return len(plain) >= 4 and len(digits) >= 2 and not _PLACEHOLDER.fullmatch(plain)

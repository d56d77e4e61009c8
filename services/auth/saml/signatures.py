"""Enveloped XML signatures (XML-DSig, SAML core §5): one shape is accepted, checked with pinned certificates alone. Pure."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from services.auth.saml.documents import SIGNATURE, Element, children, only, parser, refuse, shown

METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the certificate, in hexadecimal."""
    return certificate.fingerprint(SHA256()).hex()


def verify(
    document: bytes, signed: Element, certificates: Sequence[Certificate], location: str
) -> tuple[Element, Certificate]:
    """What the signature of `signed` covers, parsed from the bytes that were digested, and whose it is.

    `location` is the path to `signed` from the root ("./" for the root itself). Raises Refused. Nothing else of the document is
    authentic: read what is returned and only that.
    """
    check_shape(signed)
    result, certificate = _try_each(document, certificates, location)
    covered = result.signed_xml
    if covered is None or covered.tag != signed.tag or covered.get("ID") != signed.get("ID"):
        refuse("signature", "the signature covers something else")
    return covered, certificate


def check_shape(signed: Element) -> None:
    """One signature, over the element it stands in, by its ID, with two transforms. What differs is refused unverified."""
    signature = only(signed, SIGNATURE, "Signature", "not_signed")
    if children(signature, SIGNATURE, "Object"):
        refuse("signature", "a signature with objects of its own")
    info = only(signature, SIGNATURE, "SignedInfo", "signature")
    method = _algorithm(only(info, SIGNATURE, "SignatureMethod", "signature"))
    reference = only(info, SIGNATURE, "Reference", "signature")
    digest = _algorithm(only(reference, SIGNATURE, "DigestMethod", "signature"))
    if method not in {one.value for one in METHODS} or digest not in {one.value for one in DIGESTS}:
        refuse("algorithm", shown(f"signed with {method} over {digest}; SHA-256 or better is expected"))
    if _algorithm(only(info, SIGNATURE, "CanonicalizationMethod", "signature")) != EXCLUSIVE:
        refuse("algorithm", f"the canonicalisation must be {EXCLUSIVE}")
    if not signed.get("ID") or reference.get("URI") != f"#{signed.get('ID')}":
        refuse("signature", "the signature refers to something else")
    transforms = only(reference, SIGNATURE, "Transforms", "signature")
    if [_algorithm(one) for one in children(transforms, SIGNATURE, "Transform")] != [ENVELOPED, EXCLUSIVE]:
        refuse("algorithm", "the transforms must be enveloped-signature and exclusive canonicalisation")


def _algorithm(element: Element) -> str:
    return element.get("Algorithm") or ""


def _try_each(document: bytes, certificates: Sequence[Certificate], location: str) -> tuple[VerifyResult, Certificate]:
    config = SignatureConfiguration(location=location, signature_methods=METHODS, digest_algorithms=DIGESTS)
    reason, detail = "signature", "the signature is not by a pinned certificate, or what it covers was changed"
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(document, x509_cert=certificate, parser=parser(), expect_config=config)
        except InvalidCertificate:
            reason, detail = (
                "certificate_expired",
                f"the pinned certificate {fingerprint(certificate)[:16]} is not valid now",
            )
        except Exception:  # noqa: S112 - the library raises a dozen kinds; whatever it is, this certificate vouches for nothing
            continue
        else:
            if isinstance(result, VerifyResult):
                return result, certificate
    refuse(reason, detail)

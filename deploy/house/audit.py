"""`make audit` looks up known vulnerabilities of every pinned package and writes bills of materials (CycloneDX, JSON).

Exit code 0: none is known. 1: a vulnerability is known. 2: the vulnerability service did not answer, which is not a pass.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "audit" / "bin"
BILLS = ROOT / ".venv" / "sbom"
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-fuzz.lock",
    "requirements-idp.lock",
    "requirements-audit.lock",
)
KNOWN, UNASKED = 1, 2


class Finding(NamedTuple):
    package: str
    vulnerability: str
    fixed_in: str


class Unreachable(Exception):
    """The vulnerability service did not answer for all packages."""


def bill_of_materials(lock: Path) -> Path:
    """Every package of a lock with version and hashes; the same bytes at every call."""
    bill = BILLS / f"{lock.stem}.cdx.json"
    arguments = ["requirements", str(lock), "--output-reproducible", "--of", "JSON", "-o", str(bill)]
    if lock.name == "requirements.lock":
        arguments += ["--pyproject", str(ROOT / "pyproject.toml")]
    subprocess.run([TOOLS / "cyclonedx-py", *arguments], check=True, capture_output=True)
    return bill


def vulnerabilities(lock: Path) -> list[Finding]:
    """Raises Unreachable if the service does not answer."""
    audit = [
        TOOLS / "pip-audit",
        "-r",
        lock,
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    done = subprocess.run(audit, capture_output=True, text=True)
    return findings(done.stdout, done.stderr)


def findings(answer: str, complaint: str) -> list[Finding]:
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        raise Unreachable(complaint.strip().rpartition("\n")[2] or "no answer") from None
    if skipped := [package["name"] for package in packages if "skip_reason" in package]:
        raise Unreachable(f"it knows nothing of {len(skipped)} of {len(packages)} packages, {skipped[0]} first")
    return [
        Finding(
            f"{package['name']} {package['version']}", one["id"], ", ".join(one["fix_versions"]) or "no release yet"
        )
        for package in packages
        for one in package.get("vulns", ())
    ]


def main() -> int:
    BILLS.mkdir(parents=True, exist_ok=True)
    outcome = 0
    locks = [ROOT / name for name in LOCKS]
    bills = [bill_of_materials(lock) for lock in locks]
    for lock, bill in zip(locks, bills, strict=True):
        count = len(json.loads(bill.read_bytes())["components"])
        try:
            found = vulnerabilities(lock)
        except Unreachable as error:
            sys.stdout.write(f"bills of materials: {BILLS.relative_to(ROOT)}\n")
            sys.stderr.write(f"{lock.name}: vulnerabilities not checked, the service did not answer: {error}\n")
            return UNASKED
        sys.stdout.write(
            f"{lock.name}: {count} packages, {len(found)} known vulnerabilities, {bill.relative_to(ROOT)}\n"
        )
        for one in found:
            sys.stdout.write(f"  {one.package}: {one.vulnerability}, fixed in {one.fixed_in}\n")
        outcome = KNOWN if found else outcome
    return outcome


if __name__ == "__main__":
    sys.exit(main())

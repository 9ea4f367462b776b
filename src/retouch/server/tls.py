"""Certificates made for this installation alone. No key is ever shipped, or leaves the folder it was made in."""

import datetime
import ipaddress
import os
import socket
from pathlib import Path

import trustme
from cryptography import x509

from retouch.policies.files import write_atomically

DAYS = 397  # phones refuse certificates that are valid for longer


def names_of_this_machine() -> list[str]:
    """Names and addresses under which others may reach this machine."""
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), f"{socket.gethostname()}.local"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it asks which of our addresses would
            names.add(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(names)


def own_certificate(folder: Path, names: list[str]) -> tuple[Path, Path, Path]:
    """Certificate, key and authority of this installation; made at first, and again when too old or for other names.

    Args:
        folder: where they are kept.
        names: that the server is reached by.

    Returns:
        Paths of the certificate, its key, and the authority's certificate, which is what people's devices may trust.
    """
    certificate, key, authority = (folder / f"{n}.pem" for n in ("server", "server-key", "authority"))
    if not (certificate.exists() and key.exists() and authority.exists() and _serves(certificate, names)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ca = trustme.CA(organization_name="retouch", organization_unit_name=socket.gethostname())
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=DAYS)
        made = ca.issue_cert(*names, not_after=until)
        old = os.umask(0o077)
        try:
            write_atomically(key, made.private_key_pem.bytes())
            write_atomically(certificate, b"".join(blob.bytes() for blob in made.cert_chain_pems))
            write_atomically(authority, ca.cert_pem.bytes())
        finally:
            os.umask(old)
        key.chmod(0o600)
    return certificate, key, authority


def _serves(path: Path, names: list[str]) -> bool:
    found = x509.load_pem_x509_certificate(path.read_bytes())
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(name) for name in alternatives.get_values_for_type(x509.DNSName)}
    known |= {str(address) for address in alternatives.get_values_for_type(x509.IPAddress)}
    wanted = {_plain(name) for name in names}
    return wanted <= known and found.not_valid_after_utc > datetime.datetime.now(datetime.UTC)


def _plain(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name

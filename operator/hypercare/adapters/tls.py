"""Whom a client trusts and by which certificate it is known, as one TLS context.

OpenSSL takes a client's certificate from a file only. On Linux that is a file in memory which has no name (memfd), so
the private key is never on a disk and the pod's file system can stay read-only. Elsewhere it is a temporary file that
only its owner can read, removed before this module returns.
"""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from hypercare.adapters.credentials import CERTIFICATE, KEY, ClientCertificate, InvalidCredentials, NoCertificate


def tls_context(ca_bundle: str, certificate: NoCertificate | ClientCertificate) -> ssl.SSLContext:
    """Build a context that verifies the server's certificate and name.

    Args:
        ca_bundle: PEM certificates to trust instead of the public ones; empty for those.
        certificate: What the client shows.

    Raises:
        InvalidCredentials: certificate and key cannot be used, or do not belong together.
    """
    context = (
        ssl.create_default_context(cadata=ca_bundle)
        if ca_bundle
        else ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    )
    _show(context, certificate)
    return context


def check_certificate(certificate: NoCertificate | ClientCertificate) -> None:
    """Find out whether a client can show this certificate at all.

    Raises:
        InvalidCredentials: certificate and key cannot be used, or do not belong together.
    """
    _show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate)


def _show(context: ssl.SSLContext, certificate: NoCertificate | ClientCertificate) -> None:
    if isinstance(certificate, NoCertificate):
        return
    try:
        with _file_of(f"{certificate.certificate}\n{certificate.key}\n".encode()) as path:
            # Without a callable, OpenSSL would ask the terminal for the password of an encrypted key.
            context.load_cert_chain(path, password=_no_password)
    except _Encrypted:
        raise InvalidCredentials(f"has an encrypted {KEY}: store it without a password") from None
    except (ssl.SSLError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else "they cannot be parsed"
        raise InvalidCredentials(f"has a {CERTIFICATE} and {KEY} that cannot be used: {reason}") from None


class _Encrypted(Exception):
    pass


def _no_password() -> str:
    raise _Encrypted


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """A path that can be opened while the block lasts, readable by this process or user only."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("client-certificate"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    descriptor, path = tempfile.mkstemp(prefix="client-certificate-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield path
    finally:
        Path(path).unlink()

"""Certificates for HTTPS and WSS.

Role: a TLS context from certificate files, or from a self-signed certificate that is made once, kept in
the user's cache folder (so that a browser's exception for it lasts) and made anew when it runs out or
does not name the host. For development only: a self-signed certificate encrypts and proves nothing.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hotchannel.errors import HotChannelError, OptionError
from hotchannel.options import HttpsOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

__all__ = ["self_signed", "tls_context"]

_LIFETIME = timedelta(days=90)
_LEFT = timedelta(days=1)
"""What of it has to be left for a kept certificate to be used again."""

_ALWAYS = ("localhost", "*.localhost", "127.0.0.1", "::1")


def tls_context(https: HttpsOptions | Literal[True], hosts: Iterable[str] = ()) -> ssl.SSLContext:
    """The context to listen with.

    Args:
        https: certificate files; True for a self-signed certificate.
        hosts: names and addresses that a self-signed certificate is to hold, beside loopback's.

    Raises:
        OptionError: a certificate or key cannot be used.
        HotChannelError: a self-signed one cannot be made.
    """
    options = HttpsOptions() if https is True else https
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    if options.cert is None:
        context.load_cert_chain(self_signed(hosts))
        return context
    try:
        context.load_cert_chain(options.cert, options.key)
    except FileNotFoundError as error:
        missing = options.cert if not Path(options.cert).exists() else options.key
        raise OptionError("https", missing, "files that exist: a certificate and its key, PEM") from error
    except (ssl.SSLError, OSError) as error:
        raise OptionError(
            "https", options.cert, f"a certificate and the key that belongs to it, PEM ({error})"
        ) from error
    return context


def self_signed(hosts: Iterable[str] = (), folder: Path | None = None) -> Path:
    """A file with a self-signed certificate and its key, made if there is none to use again.

    Args:
        hosts: names and addresses it is to hold, beside loopback's.
        folder: where it is kept; None for the user's cache folder.

    Raises:
        HotChannelError: the extra `https` is not installed, or the folder cannot be written.
    """
    names = sorted({*_ALWAYS, *(host.strip("[]") for host in hosts)})
    try:
        from cryptography import x509
        from platformdirs import user_cache_path
    except ImportError as error:
        raise HotChannelError(
            'a self-signed certificate needs more packages: pip install "hotchannel[https]", '
            "or name your own certificate with --cert and --key"
        ) from error
    folder = folder or user_cache_path("hotchannel")
    file = folder / f"{blake2b('|'.join(names).encode(), digest_size=6).hexdigest()}.pem"
    try:
        if file.exists() and _good(x509.load_pem_x509_certificate(file.read_bytes())):
            return file
    except ValueError:
        pass  # Whatever it is, it is written anew.
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}")
        # The key is nobody else's from its first byte on, and another process sees all of it or nothing.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(_make(names))
        fresh.replace(file)
    except OSError as error:
        raise HotChannelError(f"the self-signed certificate cannot be kept in {folder}: {error}") from error
    return file


def _good(certificate: x509.Certificate) -> bool:
    now = datetime.now(UTC)
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _LEFT


def _make(names: list[str]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hotchannel, self-signed")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode("ascii") if not name.isascii() else name)

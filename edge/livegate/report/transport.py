"""What a connection needs from files, and what the operating system's refusals mean for a person."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from livegate.config import Mqtt, Tls
from livegate.errors import LinkError


def read_password(mqtt: Mqtt) -> str | None:
    """Return the first line of the password file, or None when there is none; read anew on every connect."""
    path = mqtt.password_file
    if path is None:
        return None
    try:
        lines = path.read_text().splitlines()
    except OSError as exc:
        raise LinkError(f"{path}: cannot be read ({exc.strerror}); check [mqtt] password_file") from exc
    except UnicodeDecodeError as exc:
        raise LinkError(f"{path}: is not text; expected the password on the first line") from exc
    if not lines or not lines[0]:
        raise LinkError(f"{path}: is empty; expected the password on the first line")
    return lines[0]


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return a client context that trusts only the configured authority, speaks TLS 1.3, and checks names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _TidySocket
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(tls.ca)
    except OSError as exc:
        raise LinkError(
            f"{tls.ca}: cannot be used ([mqtt] tls 'ca'): {_short(exc)}; expected PEM certificates"
        ) from exc
    if tls.certificate is not None:
        try:
            # The function keeps an encrypted key from asking at the terminal's console.
            context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
        except OSError as exc:
            raise LinkError(
                f"{tls.certificate}: cannot be used ([mqtt] tls 'certificate' and 'key'): {_short(exc)}; "
                "expected a PEM certificate and its unencrypted key"
            ) from exc
    return context


class _TidySocket(ssl.SSLSocket):
    """Closes itself when its handshake fails, where paho would let go of it still open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the certificate in ``path`` ends, in Unix seconds."""

    path: Path
    expires_s: float

    @property
    def day(self) -> str:
        """The day it ends, as people write it."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.expires_s))


def certificates(tls: Tls) -> Iterator[Expiry]:
    """Yield every certificate the configuration names, our own first; LinkError for a file that holds none."""
    for path in filter(None, (tls.certificate, tls.ca)):
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except OSError as exc:
            raise LinkError(f"{path}: cannot be read ({_short(exc)}); check [mqtt] tls") from exc
        except ValueError as exc:
            raise LinkError(f"{path}: holds no certificate; expected PEM ([mqtt] tls)") from exc
        yield Expiry(path, min(one.not_valid_after_utc.timestamp() for one in found))


def expired(tls: Tls | None) -> str | None:
    """Say which configured certificate has expired by our clock, None when none has; brokers hardly say it."""
    try:
        for found in certificates(tls) if tls else ():
            if found.expires_s < time.time():
                return f"{found.path} expired on {found.day}; renew it, or set this terminal's clock"
    except LinkError as exc:
        return str(exc)
    return None


def certificate_measures(tls: Tls) -> dict[str, float]:
    """Return in how many seconds the first certificate in use expires; negative when one has."""
    try:
        first_s = min(found.expires_s for found in certificates(tls))
    except LinkError:
        return {}
    return {"tls_certificate_expires_seconds": round(first_s - time.time())}


def why_unreachable(exc: OSError, connect_s: float) -> str:
    """Say why a connection could not be made, and what to look at."""
    if isinstance(exc, ssl.SSLError):
        return _why_no_tls(exc)
    if isinstance(exc, socket.gaierror):
        return f"the name cannot be resolved ({exc.strerror}); check [mqtt] host and the name server"
    if isinstance(exc, TimeoutError):
        return f"no connection within {connect_s:g} s; check the network, [mqtt] host and port"
    if isinstance(exc, ConnectionRefusedError):
        return "nothing listens there; check [mqtt] host and port, and that the broker runs"
    return f"cannot be reached ({_short(exc)}); check the network, [mqtt] host and port"


def _why_no_tls(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        if exc.verify_code == _HAS_EXPIRED:
            return "its certificate has expired; renew it at the broker, or set this terminal's clock"
        return f"its certificate is not accepted ({exc.verify_message}); check [mqtt] host and tls 'ca', and the clock"
    if exc.reason in _OLD_TLS:
        return "speaks no TLS 1.3, and nothing older is spoken here; renew the broker"
    return f"TLS failed ({_short(exc)}); check that this port speaks TLS and accepts our certificate"


def remedy(reason: str) -> str:
    """Return what to do about a CONNACK's reason, or nothing where its name says it all."""
    if reason in ("Bad user name or password", "Not authorized"):
        return "; check [mqtt] username and password_file, and the broker's access list"
    if reason == "Client identifier not valid":
        return "; check [terminal] site and id"
    return ""


_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_OLD_TLS = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION"})


def _short(exc: OSError) -> str:
    return exc.strerror or str(exc)

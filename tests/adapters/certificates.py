"""Certificates for tests, made anew in each run from nothing but Python: no tool, no library, no key in the repository.

X.509 (RFC 5280) with ECDSA on P-256 (FIPS 186-5), as much of it as a TLS library checks. Not for anything but tests.
"""

import base64
import hashlib
import ipaddress
import itertools
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_SERIALS = itertools.count(1)
Point = tuple[int, int] | None


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P) if one == other else (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _times(factor: int) -> tuple[int, int]:
    total: Point = None
    power: Point = _G
    while factor:
        if factor & 1:
            total = _add(total, power)
        power = _add(power, power)
        factor >>= 1
    assert total is not None
    return total


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, size] if size < 128 else [tag, 128 + len(long), *long]) + content


def _number(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _der(3, b"\0", content)


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    encoded = [first * 40 + second]
    for arc in rest:
        groups = [arc & 127]
        while arc := arc >> 7:
            groups.append(128 | arc & 127)
        encoded += reversed(groups)
    return _der(6, bytes(encoded))


def _name(common: str) -> bytes:
    return _der(48, _der(49, _der(48, _oid("2.5.4.3"), _der(12, common.encode()))))


def _pem(kind: str, content: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(content).decode()}-----END {kind}-----\n"


def _extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return _der(48, _oid(dotted), *([_der(1, b"\xff")] if critical else []), _der(4, value))


def _time(moment: datetime) -> bytes:
    return _der(24, moment.strftime("%Y%m%d%H%M%SZ").encode())


_ALGORITHM = _der(48, _oid("1.2.840.10045.4.3.2"))
_CURVE = _oid("1.2.840.10045.3.1.7")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str

    @contextmanager
    def files(self, folder: Path) -> Iterator[tuple[Path, Path]]:
        """Both as files, while the block lasts."""
        paths = folder / "pair.crt", folder / "pair.key"
        for path, content in zip(paths, (self.certificate, self.key), strict=True):
            path.write_text(content)
        try:
            yield paths
        finally:
            for path in paths:
                path.unlink()


class Authority:
    """Signs certificates; `certificate` is its own, PEM."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._key = secrets.randbelow(_N - 1) + 1
        self._id = hashlib.sha256(name.encode() + self._key.to_bytes(32, "big")).digest()[:20]
        rights = _extension("2.5.29.15", _der(3, b"\x02\x04"), critical=True)
        is_authority = _extension("2.5.29.19", _der(48, _der(1, b"\xff")), critical=True)
        own_id = _extension("2.5.29.14", _der(4, self._id))
        self.certificate = self._signed(name, self._key, rights, is_authority, own_id)

    def issue(self, common: str, *hosts: str) -> Pair:
        """Sign a certificate for a server (its names or addresses) or a client (none)."""
        key = secrets.randbelow(_N - 1) + 1
        issuer_id = _extension("2.5.29.35", _der(48, _der(128, self._id)))
        names = [_extension("2.5.29.17", _der(48, *map(_host, hosts)))] if hosts else []
        certificate = self._signed(common, key, issuer_id, *names)
        point = _der(161, _bits(_public(key)))
        encoded = _der(48, _number(1), _der(4, key.to_bytes(32, "big")), _der(160, _CURVE), point)
        return Pair(certificate, _pem("EC PRIVATE KEY", encoded))

    def _signed(self, subject: str, key: int, *extensions: bytes) -> str:
        now = datetime.now(UTC)
        public = _der(48, _der(48, _oid("1.2.840.10045.2.1"), _CURVE), _bits(_public(key)))
        content = _der(
            48,
            _der(160, _number(2)),
            _number(next(_SERIALS)),
            _ALGORITHM,
            _name(self._name),
            _der(48, _time(now - timedelta(hours=1)), _time(now + timedelta(hours=1))),
            _name(subject),
            public,
            _der(163, _der(48, *extensions)),
        )
        return _pem("CERTIFICATE", _der(48, content, _ALGORITHM, _bits(self._signature(content))))

    def _signature(self, content: bytes) -> bytes:
        digest = int.from_bytes(hashlib.sha256(content).digest(), "big")
        nonce = secrets.randbelow(_N - 1) + 1
        r = _times(nonce)[0] % _N
        s = pow(nonce, -1, _N) * (digest + r * self._key) % _N
        return _der(48, _number(r), _number(s))


def _public(key: int) -> bytes:
    x, y = _times(key)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _host(host: str) -> bytes:
    try:
        return _der(135, ipaddress.ip_address(host).packed)
    except ValueError:
        return _der(130, host.encode())


def server_context(pair: Pair, folder: Path, clients: str = "") -> ssl.SSLContext:
    """TLS of a server; `clients` is the authority whose clients are let in, empty for anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pair.files(folder) as (certificate, key):
        context.load_cert_chain(certificate, key)
    if clients:
        context.load_verify_locations(cadata=clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context

"""The client's certificate and key from files as people have them, and what SCRAM binds a channel by; a little DER.

Java's driver wants keys as PKCS #8 in DER (`.pk8`), libpq takes PEM and DER: whoever brings such a key need not convert it.
Source: RFC 5929 (tls-server-end-point), RFC 5280 section 4.1, RFC 8017 appendix C.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_RSA: Final = bytes.fromhex("2a864886f70d0101")
_RSA_PSS: Final = _RSA + b"\x0a"
_HASHES: Final[dict[bytes, str]] = {
    _RSA + b"\x04": "sha256",  # MD5 and SHA-1 are replaced by SHA-256.
    _RSA + b"\x05": "sha256",
    _RSA + b"\x0e": "sha224",
    _RSA + b"\x0b": "sha256",
    _RSA + b"\x0c": "sha384",
    _RSA + b"\x0d": "sha512",
    bytes.fromhex("2a8648ce3d0401"): "sha256",  # ecdsa-with-SHA1
    bytes.fromhex("2a8648ce3d040301"): "sha224",
    bytes.fromhex("2a8648ce3d040302"): "sha256",
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
}
_DIGESTS: Final[dict[bytes, str]] = {
    bytes.fromhex("60864801650304020" + digit): name
    for digit, name in (("1", "sha256"), ("2", "sha384"), ("3", "sha512"), ("4", "sha224"))
}


def end_point(certificate: bytes) -> bytes | None:
    """tls-server-end-point of a server's certificate in DER; None when its signature names no hash (Ed25519) or cannot be read."""
    try:
        name = _signature_hash(certificate)
    except (IndexError, StopIteration, ValueError):
        return None
    return None if name is None else hashlib.new(name, certificate).digest()


def _signature_hash(certificate: bytes) -> str | None:
    """The hash of the certificate's own signature: Certificate ::= SEQUENCE { tbs, algorithm SEQUENCE { oid, parameters }, … }."""
    outer = next(_items(certificate))[1]
    items = _items(outer)
    next(items)
    algorithm = _items(next(items)[1])
    oid = next(algorithm)[1]
    if oid != _RSA_PSS:
        return _HASHES.get(oid)
    # RSASSA-PSS-params: [0] hashAlgorithm, SHA-1 when it is left out.
    for tag, body in _items(next(algorithm)[1]):
        if tag == 0xA0:
            return _DIGESTS.get(next(_items(next(_items(body))[1]))[1])
    return "sha256"


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in DER. ValueError when one is cut."""
    pos = 0
    while pos < len(data):
        tag, length = data[pos], data[pos + 1]
        pos += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[pos : pos + count], "big")
            pos += count
        if pos + length > len(data):
            raise ValueError("cut element")
        yield tag, data[pos : pos + length]
        pos += length


def load_identity(context: ssl.SSLContext, cert: str, key: str, password: str | None) -> None:
    """Take the client's certificate (PEM) and key (PEM or DER) into `context`. OSError or ssl.SSLError for files that cannot be used."""
    # A key that wants a password is refused rather than asked for at the terminal.
    ask = password or (lambda: b"")
    data = Path(key).read_bytes()
    if b"-----BEGIN" in data or data[:1] != b"\x30":
        context.load_cert_chain(cert, key, ask)
        return
    label = _key_label(data)
    # For the account alone to read, as temporary files are.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n".encode())
        file.flush()
        context.load_cert_chain(cert, file.name, ask)


def _key_label(data: bytes) -> str:
    """PrivateKeyInfo begins with its version, an encrypted one with an algorithm; PKCS #1 has integers only."""
    try:
        items = _items(next(_items(data))[1])
        first, second = next(items)[0], next(items)[0]
    except (IndexError, StopIteration, ValueError):
        return "PRIVATE KEY"
    if first == 0x30:
        return "ENCRYPTED PRIVATE KEY"
    if second == 0x04:
        return "EC PRIVATE KEY"
    return "RSA PRIVATE KEY" if second == 0x02 else "PRIVATE KEY"

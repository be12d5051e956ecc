"""Certificates for tests: an authority, and what it signs, as files."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


class Authority:
    """Signs certificates for 127.0.0.1 and localhost; its own is `ca.crt` in its folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        pytest.importorskip("cryptography")
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed(name, self._key.public_key(), ())
        self.file = folder / f"{name}.crt"
        self.file.write_bytes(_pem(self._certificate))

    def issue(self, name: str, *, names: Sequence[str] = (), as_name: str | None = None) -> tuple[Path, Path]:
        """Write a certificate and its key; the subject is `name`, the files are called `as_name`."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        files = self.folder / f"{as_name or name}.crt", self.folder / f"{as_name or name}.key"
        files[0].write_bytes(_pem(self._signed(name, key.public_key(), names)))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _signed(self, subject: str, key: Any, names: Sequence[str]) -> Any:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        def named(common: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

        now = dt.datetime.now(dt.UTC)
        is_authority = subject == self._name
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named(self._name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=7))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(
                    [
                        x509.DNSName("localhost"),
                        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                        *(x509.DNSName(each) for each in names),
                    ]
                ),
                critical=False,
            )
        return builder.sign(self._key, hashes.SHA256())


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    written: bytes = certificate.public_bytes(serialization.Encoding.PEM)
    return written

"""TLS over real sockets: versions, certificates of clients, replacing a certificate under load, and broken files."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.certificates import Authority
from support.web import Web

from dbs_exporter.errors import ConfigError
from dbs_exporter.web.guard import Access
from dbs_exporter.web.routes import create_app
from dbs_exporter.web.server import WebServer, bind
from dbs_exporter.web.tls import TlsSettings, is_named, tls_context

PATIENCE_SECONDS = 60.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs everything."""
    return Authority(tmp_path)


def settings(authority: Authority, name: str = "server", **more: Any) -> TlsSettings:
    """A new certificate's."""
    cert, key = authority.issue(name)
    return TlsSettings(cert_file=str(cert), key_file=str(key), **more)


@contextlib.contextmanager
def serving(access: Access) -> Iterator[WebServer]:
    """A server with this access."""
    web = Web()
    app = create_app(exposition=web.exposition, snapshot=web.snapshot, missing=list, clock=web.clock)
    server = WebServer(app, bind(["127.0.0.1:0"]), access=access)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client(authority: Authority, *certificate: Path) -> ssl.SSLContext:
    """Who trusts the authority, and has a certificate or none."""
    context = ssl.create_default_context(cafile=authority.file)
    if certificate:
        context.load_cert_chain(certificate[0], certificate[1])
    return context


def ask(server: WebServer, context: ssl.SSLContext) -> tuple[int, str]:
    """(status, common name of the server's certificate)."""
    connection = http.client.HTTPSConnection(
        "localhost", server.listeners[0].port, timeout=PATIENCE_SECONDS, context=context
    )
    with contextlib.closing(connection):
        connection.request("GET", "/-/healthy")
        certificate: Any = connection.sock.getpeercert()
        return connection.getresponse().status, dict(part[0] for part in certificate["subject"])["commonName"]


def test_it_is_served_and_its_url_says_so(authority: Authority) -> None:
    """A client that trusts the authority is answered, one that does not ends by itself."""
    with serving(Access(tls=tls_context(settings(authority)))) as server:
        answered = ask(server, client(authority))
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(server, ssl.create_default_context())
        urls = server.urls

    assert answered == (200, "server")
    assert urls[0].startswith("https://127.0.0.1:")


def test_no_version_below_the_least_is_spoken(authority: Authority) -> None:
    """Nor one above the highest."""
    for given, spoken in (
        ({}, {"TLSv1.2", "TLSv1.3"}),
        ({"min_version": "TLS13"}, {"TLSv1.3"}),
        ({"max_version": "TLS12"}, {"TLSv1.2"}),
    ):
        with serving(Access(tls=tls_context(settings(authority, **given)))) as server:
            found = set()
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = client(authority)
                context.minimum_version = context.maximum_version = version
                with contextlib.suppress(ssl.SSLError, ConnectionError):
                    ask(server, context)
                    found.add(version.name.replace("_", ".").replace("TLSv1.", "TLSv1."))

        assert found == spoken


def test_only_the_ciphers_that_were_chosen_are_taken(authority: Authority) -> None:
    """Of TLS 1.2; those of 1.3 are always good."""
    chosen = "ECDHE-ECDSA-AES256-GCM-SHA384"
    context = client(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(Access(tls=tls_context(settings(authority, ciphers=(chosen,))))) as server:
        with contextlib.closing(
            http.client.HTTPSConnection("localhost", server.listeners[0].port, context=context)
        ) as connection:
            connection.connect()
            secured: Any = connection.sock
            cipher = secured.cipher()[0]
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, context)

    assert cipher == chosen


def test_a_demanded_certificate_must_be_signed_and_may_have_to_bear_a_name(
    authority: Authority, tmp_path: Path
) -> None:
    """None, one that somebody else signed, and one of another name are refused."""
    good = authority.issue("prometheus", names=("prometheus.example",))
    other = authority.issue("other", names=("other.example",))
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere", "stranger").issue(
        "prometheus", names=("prometheus.example",)
    )
    tls = tls_context(
        settings(authority, client_ca_file=str(authority.file), client_auth="RequireAndVerifyClientCert")
    )
    with serving(Access(tls=tls, client_names=("prometheus.example",))) as server:
        admitted = ask(server, client(authority, *good))
        for certificate in ((), other, stranger):
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(server, client(authority, *certificate))

    assert admitted == (200, "server")


def test_a_certificate_that_may_be_shown_need_not_be(authority: Authority, tmp_path: Path) -> None:
    """But a wrong one is refused."""
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority(tmp_path / "elsewhere", "stranger").issue("prometheus")
    tls = tls_context(
        settings(authority, client_ca_file=str(authority.file), client_auth="VerifyClientCertIfGiven")
    )
    with serving(Access(tls=tls)) as server:
        assert ask(server, client(authority))[0] == 200
        assert ask(server, client(authority, *authority.issue("p")))[0] == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(server, client(authority, *stranger))


def test_a_certificate_is_replaced_while_requests_come_and_none_is_lost(authority: Authority) -> None:
    """New connections see the new one; those that are open go on."""
    context = client(authority)
    failures: list[Exception] = []
    seen: list[str] = []
    enough = threading.Event()

    def load() -> None:
        while not enough.is_set():
            try:
                seen.append(ask(server, context)[1])
            except Exception as error:
                failures.append(error)

    with serving(Access(tls=tls_context(settings(authority, "first")))) as server:
        kept = http.client.HTTPSConnection("localhost", server.listeners[0].port, context=context)
        with contextlib.closing(kept):
            kept.request("GET", "/-/healthy")
            kept.getresponse().read()
            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            for name in (*(f"between{n}" for n in range(20)), "last"):
                server.replace_access(Access(tls=tls_context(settings(authority, name))))
            last = [ask(server, context)[1] for _ in range(20)][-1]
            enough.set()
            for thread in threads:
                thread.join()
            kept.request("GET", "/-/healthy")
            after = kept.getresponse().status

    assert failures == []
    assert last == "last"
    assert after == 200
    assert len(set(seen)) > 1


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("no certificate", "first.crt: cannot be read: No such file"),
        ("no key", "first.key: cannot be read: No such file"),
        ("nonsense", "first.key: "),
        ("another's key", "first.key: the key does not belong to the certificate"),
        ("password", "first.key: the key needs a password"),
        ("no authority", "first.ca: "),
    ],
)
def test_files_that_cannot_be_used_are_named(authority: Authority, broken: str, message: str) -> None:
    """Nobody is asked for the password of a key."""
    made = settings(authority, "first")
    cert, key = Path(made.cert_file), Path(made.key_file)
    if broken == "no certificate":
        cert.unlink()
    elif broken == "no key":
        key.unlink()
    elif broken == "nonsense":
        cert.write_text("nonsense")
    elif broken == "another's key":
        authority.issue("first", as_name="second")
        key.write_bytes((key.parent / "second.key").read_bytes())
    elif broken == "password":
        _encrypt(key)
    else:
        ca = cert.parent / "first.ca"
        ca.write_text("nonsense")
        made = TlsSettings(
            cert_file=str(cert),
            key_file=str(key),
            client_ca_file=str(ca),
            client_auth="VerifyClientCertIfGiven",
        )
    with pytest.raises(ConfigError) as caught:
        tls_context(made)

    assert message in str(caught.value)


def _encrypt(key: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )


def test_any_alternative_name_may_be_the_one_that_is_allowed() -> None:
    """A name of a host, an address, or none."""
    certificate = {"subjectAltName": (("DNS", "a.example"), ("IP Address", "10.0.0.1"))}

    assert is_named(certificate, ("10.0.0.1",))
    assert is_named(certificate, ("b.example", "a.example"))
    assert not is_named(certificate, ("b.example",))
    assert not is_named({}, ("b.example",))
    assert not is_named(None, ("b.example",))

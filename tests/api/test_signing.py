"""ACS3-HMAC-SHA256: checked by a verifier of its own, by the vendor's published example and by the vendor's SDK."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qsl, quote, unquote_plus, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.signing import Acs3Auth, authorization, canonical_query

CREDENTIALS = Credentials(access_key_id="testak", access_key_secret="testsk")
TEMPORARY = Credentials(access_key_id="STS.x", access_key_secret="s3cret", security_token="t0ken/+=")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


def verified(method: str, url: str, headers: Mapping[str, str], secret: str, body: bytes = b"") -> bool:
    """Check a request as the API does, from its documentation alone and with nothing of the code under test."""
    given_headers = {name.lower(): value for name, value in headers.items()}
    scheme, _, rest = given_headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    names = parts["SignedHeaders"].split(";")
    must = {"host", *(name for name in given_headers if name.startswith("x-acs-"))}
    if scheme != "ACS3-HMAC-SHA256" or not must <= set(names) or names != sorted(names):
        return False
    if given_headers["x-acs-content-sha256"] != hashlib.sha256(body).hexdigest():
        return False
    query = []
    for pair in sorted(
        (unquote_plus(k), unquote_plus(v))
        for k, v in (p.split("=", 1) for p in urlsplit(url).query.split("&") if p)
    ):
        query.append("=".join(quote(text, safe="-_.~") for text in pair))
    canonical = (
        f"{method}\n/\n{'&'.join(query)}\n"
        + "".join(f"{name}:{given_headers[name].strip()}\n" for name in names)
        + f"\n{parts['SignedHeaders']}\n{given_headers['x-acs-content-sha256']}"
    )
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.new(secret.encode(), to_sign.encode(), "sha256").hexdigest() == parts["Signature"]


def prepared(
    parameters: Mapping[str, str], method: str = "POST", data: bytes | None = None
) -> requests.PreparedRequest:
    """Make an unsigned request as requests itself does."""
    headers = {"x-acs-action": "DescribeRegions", "x-acs-version": "2019-03-06"}
    url = f"https://dbs-api.example/?{canonical_query(parameters.items())}"
    return requests.Request(method, url, headers=headers, data=data).prepare()


def test_the_vendors_published_example_comes_out() -> None:
    """The signature in the vendor's own documentation is reproduced."""
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = canonical_query(
        {
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
            "RegionId": "cn-shanghai",
        }.items()
    )
    signed = authorization(
        Credentials(access_key_id="YourAccessKeyId", access_key_secret="YourAccessKeySecret"),
        method="POST",
        path="/",
        query=query,
        headers=headers,
    )

    assert signed == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


@given(st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=6), st.sampled_from([CREDENTIALS, TEMPORARY]))
def test_any_parameters_verify(parameters: dict[str, str], credentials: Credentials) -> None:
    """Whatever the parameters hold, an independent verifier accepts the signature, and refuses it for another secret."""
    request = Acs3Auth(credentials, now=lambda: 1.7e9)(prepared(parameters))

    assert verified("POST", str(request.url), request.headers, credentials.access_key_secret)
    assert not verified("POST", str(request.url), request.headers, "another secret")


def test_a_body_is_signed() -> None:
    """A body counts, so that a changed one is refused."""
    request = Acs3Auth(CREDENTIALS, now=lambda: 1.7e9)(prepared({}, data=b"a=1"))

    assert verified("POST", str(request.url), request.headers, "testsk", b"a=1")
    assert not verified("POST", str(request.url), request.headers, "testsk", b"a=2")


def test_a_changed_query_is_refused() -> None:
    """A parameter changed on the way breaks the signature."""
    request = Acs3Auth(CREDENTIALS, now=lambda: 1.7e9)(prepared({"BackupPlanId": "dbs1"}))

    assert not verified("POST", str(request.url).replace("dbs1", "dbs2"), request.headers, "testsk")


def test_each_signature_has_its_own_nonce_and_date() -> None:
    """Signing the same request twice gives two requests that the API both accepts."""
    times = iter([1_700_000_000.0, 1_700_000_061.0])
    auth = Acs3Auth(CREDENTIALS, now=lambda: next(times))
    first = dict(auth(prepared({})).headers)
    second = dict(auth(prepared({})).headers)

    assert (first["x-acs-date"], second["x-acs-date"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:14:21Z")
    assert first["x-acs-signature-nonce"] != second["x-acs-signature-nonce"]
    assert first["Authorization"] != second["Authorization"]


def test_a_token_is_sent_and_signed() -> None:
    """Temporary credentials carry their token, under the signature."""
    request = Acs3Auth(TEMPORARY, now=lambda: 1.7e9)(prepared({}))

    assert request.headers["x-acs-security-token"] == "t0ken/+="
    assert ";x-acs-security-token;" in request.headers["Authorization"]


@contextmanager
def capture() -> Iterator[tuple[int, list[tuple[str, str, dict[str, str]]]]]:
    """Serve on loopback, answer everything, and keep (method, target, headers) of what came."""
    seen: list[tuple[str, str, dict[str, str]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((self.command, self.path, dict(self.headers.items())))
            body = b'{"Success": true, "Items": ""}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.filterwarnings("ignore")  # the vendor's, about its own use of the standard library
@pytest.mark.parametrize("credentials", [CREDENTIALS, TEMPORARY], ids=["key", "token"])
def test_the_official_sdk_signs_the_same(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a request that the vendor's SDK sent, this code gives the very Authorization that the SDK sent."""
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    client_module = pytest.importorskip("alibabacloud_dbs20190306.client")
    models = pytest.importorskip("alibabacloud_dbs20190306.models")
    open_api = pytest.importorskip("alibabacloud_tea_openapi.models")
    with capture() as (port, seen):
        config = open_api.Config(
            access_key_id=credentials.access_key_id,
            access_key_secret=credentials.access_key_secret,
            security_token=credentials.security_token or None,
            endpoint=f"127.0.0.1:{port}",
            protocol="http",
        )
        request = models.DescribeFullBackupListRequest(
            backup_plan_id="dbs1 h*v~b/ü", page_num=0, page_size=100, show_storage_type=True
        )
        client_module.Client(config).describe_full_backup_list(request)

    (method, target, headers), *others = seen
    sent = {name.lower(): value for name, value in headers.items()}
    names = sent["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    ours = authorization(
        credentials,
        method=method,
        path="/",
        query=canonical_query(parse_qsl(urlsplit(target).query, keep_blank_values=True)),
        headers={name: sent[name] for name in names},
        payload_sha256=sent["x-acs-content-sha256"],
    )

    assert not others
    assert ours == sent["authorization"]
    assert verified(method, target, headers, credentials.access_key_secret)

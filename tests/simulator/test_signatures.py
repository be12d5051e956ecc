"""The simulator's own check of both signatures, against requests signed here from their description."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from support.signed_query import signed
from support.simulated_cloud import NOW, fetch, steer

from dbs_exporter.simulator import Simulator, World, start_simulator
from dbs_exporter.simulator.replies import Refused
from dbs_exporter.simulator.signatures import NONCE_SECONDS, Keys, verify


def keys() -> Keys:
    made = Keys()
    made.add("ak", "secret", "demo")
    return made


def request(
    more: dict[str, str] | None = None, *, body: bytes = b"", unsigned: tuple[str, ...] = ()
) -> dict[str, str]:
    """Headers of a POST of `/?PageNum=0&Name=a%20b`, all of them signed but for those that are named."""
    headers = {
        "host": "http://127.0.0.1:1",
        "x-acs-action": "DescribeRegions",
        "x-acs-version": "2019-03-06",
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW)),
        "x-acs-signature-nonce": "n1",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **(more or {}),
    }
    names = sorted(name for name in headers if name not in unsigned)
    text = "\n".join(
        [
            "POST",
            "/",
            "Name=a%20b&PageNum=0",
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            headers["x-acs-content-sha256"],
        ]
    )
    said = "ACS3-HMAC-SHA256\n" + hashlib.sha256(text.encode()).hexdigest()
    signature = hmac.new(b"secret", said.encode(), hashlib.sha256).hexdigest()
    signed = ";".join(names)
    headers["authorization"] = f"ACS3-HMAC-SHA256 Credential=ak,SignedHeaders={signed},Signature={signature}"
    return headers


def check(headers: dict[str, str], *, body: bytes = b"", value: str = "a b") -> str:
    return verify(keys(), "POST", [("PageNum", "0"), ("Name", value)], [], headers, body, NOW)


def test_what_is_signed_well_is_taken() -> None:
    """The account of the key is given; headers that nobody must sign may stay unsigned."""
    assert check(request()) == "demo"
    assert check(request({"content-type": "application/octet-stream"}, unsigned=("content-type",))) == "demo"
    assert check(request(body=b"x=1"), body=b"x=1") == "demo"


@pytest.mark.parametrize(
    ("headers", "how", "code"),
    [
        (request(), {"value": "other"}, "SignatureDoesNotMatch"),
        (request(), {"body": b"added"}, "SignatureDoesNotMatch"),
        (request(unsigned=("x-acs-action",)), {}, "IncompleteSignature"),
        (request(unsigned=("host",)), {}, "IncompleteSignature"),
        ({**request(), "x-acs-action": "DeleteAll"}, {}, "SignatureDoesNotMatch"),
        ({**request(), "authorization": "ACS3-HMAC-SHA256 Credential=ak"}, {}, "IncompleteSignature"),
        (request({"x-acs-date": "2001-01-01T00:00:00Z"}), {}, "InvalidTimeStamp.Expired"),
        (request({"x-acs-signature-nonce": ""}), {}, "SignatureNonceUsed"),
    ],
)
def test_what_is_not_is_refused(headers: dict[str, str], how: dict[str, Any], code: str) -> None:
    """Changed parameters, bodies and headers, and what should be signed and is not."""
    with pytest.raises(Refused) as refused:
        check(headers, **how)

    assert refused.value.code == code


def test_nonces_are_forgotten_when_they_are_too_old_to_come_again() -> None:
    """A simulator that runs for weeks keeps half an hour of them."""
    keys = Keys()
    for number in range(1000):
        keys.use_nonce(f"n{number}", NOW + 10.0 * number)

    assert keys.nonce_count == NONCE_SECONDS // 10 + 1


def test_a_token_ends() -> None:
    """After its time the key is refused as expired, which a client answers by asking for another."""
    keys = Keys()
    keys.add("STS.x", "secret", "demo", "token", NOW + 100)

    assert keys.secret("STS.x", "token", NOW) == ("secret", "demo")
    with pytest.raises(Refused) as refused:
        keys.secret("STS.x", "token", NOW + 100)
    assert refused.value.code == "InvalidSecurityToken.Expired"


def test_a_nonce_is_good_once(simulator: Simulator) -> None:
    """The same request again is refused."""
    query = signed({"Action": "DescribeRegions", "Format": "JSON"})

    assert fetch(simulator, query)[0] == 200
    assert json.loads(fetch(simulator, query)[1])["Code"] == "SignatureNonceUsed"


def test_a_signed_request_cannot_be_changed(simulator: Simulator) -> None:
    """Another parameter after signing is noticed."""
    query = signed({"Action": "DescribeRegions", "Format": "JSON"}) + "&RegionId=cn-beijing"

    assert json.loads(fetch(simulator, query)[1])["Code"] == "SignatureDoesNotMatch"


def test_a_token_is_asked_for() -> None:
    """A short-lived key works with its token only."""
    with start_simulator(World()) as running:
        token = steer(running, "/-/credentials")[1]
        params = {"Action": "DescribeRegions", "Format": "JSON", "AccessKeyId": token["AccessKeyId"]}
        without = fetch(running, signed(params, secret=token["AccessKeySecret"]))
        with_it = fetch(
            running,
            signed({**params, "SecurityToken": token["SecurityToken"]}, secret=token["AccessKeySecret"]),
        )

        assert without[0] == 400
        assert with_it[0] == 200

"""The simulator's own check of ACS3-HMAC-SHA256, against requests signed here from the description."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import pytest
from support.fake_clock import FakeClock

from dbs_exporter.simulator import World, start_simulator
from dbs_exporter.simulator.replies import Refused
from dbs_exporter.simulator.signatures import Keys, verify

NOW = 1_790_000_000.0


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


def test_a_write_sent_again_is_done_once() -> None:
    """The same ClientToken gives the same task, and the list holds one."""
    clock = FakeClock(NOW)
    with start_simulator(World.healthy(clock=clock.now)) as simulator:
        plan_id = simulator.world.plan_ids("demo")[0]
        before = len(simulator.world.restores(plan_id))
        given = {
            "BackupPlanId": plan_id,
            "RestoreTaskName": "x",
            "DestinationEndpointInstanceType": "rds",
            "ClientToken": "t1",
        }
        made = {simulator.answer("demo", "CreateRestoreTask", given, [])["RestoreTaskId"] for _ in range(3)}

        assert len(made) == 1
        assert len(simulator.world.restores(plan_id)) == before + 1


def test_the_log_never_goes_back() -> None:
    """Second after second the received log stands or grows, and is always less than a minute old."""
    clock = FakeClock(NOW)
    world = World.healthy(clock=clock.now)
    plan_id = next(one for one in world.plan_ids("demo") if world.history(one).spec.has_log)
    until = 0.0
    for _ in range(300):
        received = world.history(plan_id).received_until
        assert until <= received <= clock.now()
        assert clock.now() - received < 45
        until = received
        clock.advance(1)

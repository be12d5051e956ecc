"""Logs: one line per event, in two forms, whoever logs; and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from dbs_exporter.logs import conceal, set_up_logs, without_secrets


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where the lines go; the process' logging is put back afterwards."""
    monkeypatch.setattr("dbs_exporter.logs._secrets", set())
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_logfmt_is_one_line_with_time_level_logger_and_message_first(stream: io.StringIO) -> None:
    """What beside the message belongs to an event comes by name behind it."""
    set_up_logs("info", "logfmt", stream)
    logging.getLogger("room").warning("two %s", "words", extra={"plan_id": "orders 1", "n": 3})
    time, rest = stream.getvalue().split(" ", 1)

    assert time.startswith("time=2")
    assert time.endswith("Z")
    assert rest == 'level=warning logger=room msg="two words" n=3 plan_id="orders 1"\n'


def test_json_is_one_object_per_line_with_whole_tracebacks(stream: io.StringIO) -> None:
    """A traceback is a text inside the object, so that no line stands alone."""
    set_up_logs("info", "json", stream)
    try:
        raise ValueError("three\nlines\nlong")
    except ValueError:
        logging.getLogger("room").exception("failed", extra={"ratio": 0.5, "ok": False, "nothing": None})
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)

    assert list(event)[:4] == ["time", "level", "logger", "msg"]
    assert (event["level"], event["msg"], event["ratio"], event["ok"], event["nothing"]) == (
        "error", "failed", 0.5, False, None,
    )  # fmt: skip
    assert "ValueError: three\nlines\nlong" in event["exception"]


def test_what_is_odd_in_a_servers_answer_costs_one_sentence_and_no_traceback(stream: io.StringIO) -> None:
    """The HTTP library logs the way through its own code with it, which helps nobody."""
    set_up_logs("info", "json", stream)
    try:
        raise ValueError("unparsed data")
    except ValueError:
        logging.getLogger("urllib3.connection").warning("Failed to parse headers", exc_info=True)

    event = json.loads(stream.getvalue())
    assert event["msg"] == "Failed to parse headers"
    assert "exception" not in event


def test_nobody_can_forge_a_line(stream: io.StringIO) -> None:
    """Line ends and other control characters in a message are spelled out."""
    set_up_logs("info", "logfmt", stream)
    logging.getLogger("room").warning('x\nlevel=info msg="all is well"\r\x1b[2J')
    lines = stream.getvalue().splitlines()

    assert len(lines) == 1
    assert r'msg="x\nlevel=info msg=\"all is well\"\r\u001b[2J"' in lines[0]


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_concealed_secret_is_in_no_line(stream: io.StringIO, form: str) -> None:
    """Not in the message, a value, a key that names a secret, a signed URL, or a traceback."""
    set_up_logs("info", form, stream)
    conceal(["hush-hush", "no"])
    log = logging.getLogger("room")
    fields = {"where": "a hush-hush place", "access_key_secret": "other", "many": ["hush-hush"]}
    log.info("it is hush-hush", extra=fields)
    log.info("GET /?SecurityToken=abc&Signature=def%3D&Name=x, and no more")
    logging.getLogger("library").warning("it is %s", "hush-hush")
    try:
        raise ValueError("hush-hush")
    except ValueError:
        logging.getLogger("library").exception("failed")
    told = stream.getvalue()

    assert not any(secret in told for secret in ("hush-hush", "other", "abc", "def"))
    assert "Name=x, and no more" in told
    assert told.count("[hidden]") == 9


def test_secrets_are_blotted_out_longest_first(stream: io.StringIO) -> None:
    """A secret that begins with another one leaves no tail behind."""
    conceal(["longsecret", "longsecret-and-more"])

    assert without_secrets("a longsecret-and-more b") == "a [hidden] b"


def test_the_level_holds_for_all_and_what_libraries_chat_about_is_not_told(stream: io.StringIO) -> None:
    """At info, a scheduler's every job and a connection pool's every request stay out; at debug they are told."""
    set_up_logs("info", "logfmt", stream)
    for name in ("room", "apscheduler.scheduler", "urllib3.connectionpool"):
        logging.getLogger(name).info("chat")
        logging.getLogger(name).debug("chatter")
    logging.getLogger("own").debug("chatter")
    quiet = stream.getvalue()
    set_up_logs("debug", "logfmt", stream)
    logging.getLogger("urllib3.connectionpool").debug("chatter")

    assert quiet.count("\n") == 1
    assert "logger=room" in quiet
    assert "logger=urllib3.connectionpool msg=chatter" in stream.getvalue()


def test_setting_up_again_replaces_the_form_and_doubles_nothing(stream: io.StringIO) -> None:
    """A reload may change the form; each event is still told once."""
    set_up_logs("info", "logfmt", stream)
    set_up_logs("warning", "json", stream)
    logging.getLogger("room").info("no")
    logging.getLogger("room").warning("yes")

    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["yes"]


def test_warnings_of_python_are_logged(stream: io.StringIO) -> None:
    """They too are one line."""
    set_up_logs("info", "logfmt", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old ways", UserWarning, stacklevel=1)

    assert "logger=py.warnings" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1

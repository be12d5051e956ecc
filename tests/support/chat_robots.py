"""The robots of DingTalk, Feishu and WeCom as their documents describe them: what they take, and what they drop in silence."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MESSAGES_A_MINUTE = 20
KEYWORD = "DBS"
_COLOURS = frozenset(
    {"blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey"}
)  # fmt: skip


def _markdown(message: Any, text_field: str, fields: set[str], most_bytes: int) -> str:
    """Why a message of DingTalk or WeCom would be dropped, "" if it would not."""
    if (
        not isinstance(message, dict)
        or message.keys() != {"msgtype", "markdown"}
        or message["msgtype"] != "markdown"
    ):
        return "no message of the type markdown"
    content = message["markdown"]
    if not isinstance(content, dict) or content.keys() != fields:
        return f"markdown has not exactly {sorted(fields)}"
    if not all(isinstance(value, str) and value.strip() for value in content.values()):
        return "markdown has a field that is no text"
    if len(content[text_field].encode()) > most_bytes:
        return f"{text_field} has {len(content[text_field].encode())} bytes"
    return "" if KEYWORD in content[text_field] else "the keyword is not there"


def _dingtalk(body: bytes, message: Any) -> str:
    if len(body) > 20_000:
        return f"{len(body)} bytes"
    return _markdown(message, "text", {"title", "text"}, 20_000)


def _wecom(body: bytes, message: Any) -> str:
    return _markdown(message, "content", {"content"}, 4096)


def _feishu(body: bytes, message: Any) -> str:
    if len(body) > 20_000:
        return f"{len(body)} bytes"
    try:
        header, elements = message["card"]["header"], message["card"]["elements"]
        title = header["title"]
        is_right = (
            message["msg_type"] == "interactive"
            and header["template"] in _COLOURS
            and title["tag"] == "plain_text"
            and isinstance(title["content"], str)
            and all(
                element["tag"] == "markdown" and isinstance(element["content"], str) for element in elements
            )
        )
    except (TypeError, KeyError) as error:
        return f"no card: {error!r}"
    if not is_right or not elements:
        return "a card with something that is wrong"
    return "" if KEYWORD in title["content"] else "the keyword is not there"


_JUDGED: Mapping[str, Callable[[bytes, Any], str]] = {
    "/dingtalk": _dingtalk,
    "/feishu": _feishu,
    "/wecom": _wecom,
}


class Robots:
    """A server with the three robots; like them it answers 200 to everything, and keeps what it took and why it dropped the rest."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        """(robot, message), in order."""
        self.dropped: list[str] = []
        self.largest: Counter[str] = Counter()
        """Robot -> bytes of its largest body."""
        robots = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                robots._take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                answer = b'{"errcode":0,"code":0}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def messages(self, robot: str, *words: str) -> list[Any]:
        """The messages that a robot took and in which all these words are."""
        with self._lock:
            found = [message for name, message in self.taken if name == robot]
        return [
            message
            for message in found
            if all(word in json.dumps(message, ensure_ascii=False) for word in words)
        ]

    def _take(self, path: str, body: bytes) -> None:
        robot = path.removeprefix("/")
        with self._lock:
            self.largest[robot] = max(self.largest[robot], len(body))
            try:
                message = json.loads(body)
            except ValueError as error:
                self.dropped.append(f"{robot}: {error}")
                return
            problem = _JUDGED[path](body, message)
            if sum(name == robot for name, _ in self.taken) >= MESSAGES_A_MINUTE:
                problem = problem or "more than twenty messages in a minute"
            if problem:
                self.dropped.append(f"{robot}: {problem}")
            else:
                self.taken.append((robot, message))

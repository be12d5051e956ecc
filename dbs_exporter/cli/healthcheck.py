"""One question to an exporter on this machine, for `HEALTHCHECK`; nothing is imported that a check every 30 s
need not pay for.
"""

from __future__ import annotations

import http.client

from dbs_exporter.errors import Unreachable
from dbs_exporter.listen import parse_listen_address


def ask_health(listen_address: str, path: str, timeout: float) -> str:
    """The answer of `path`, one line, asked of the machine itself; Unreachable if it is not 200 within
    `timeout` seconds.
    """
    host, port = parse_listen_address(listen_address)
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        # Closed by itself, because it holds the socket open while it was not read to its end.
        with connection.getresponse() as answer:
            status, said = answer.status, answer.read(4096).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no exporter answers on {listen_address}: {error}") from None
    finally:
        connection.close()
    if status != 200:
        raise Unreachable(f"{path} answers {status}: {said}")
    return said

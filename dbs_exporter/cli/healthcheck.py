"""`dbs-exporter healthcheck`: asks an exporter on this machine whether it serves, for `HEALTHCHECK`.

Only light modules are imported here, because a container runs this every 30 s.
"""

from __future__ import annotations

import http.client

from dbs_exporter.errors import Unreachable
from dbs_exporter.listen import parse_listen_address


def check_health(listen_address: str, path: str, timeout: float) -> str:
    """Return the body of the answer at `path`, from the exporter that listens on this address.

    Raises Unreachable if the status is not 200, or if there is no answer within `timeout` seconds.
    """
    host, port = parse_listen_address(listen_address)
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        # The answer is closed too, because it keeps the socket open until it has been read to its end.
        with connection.getresponse() as answer:
            status, body = answer.status, answer.read(4096).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no exporter answers on {listen_address}: {error}") from None
    finally:
        connection.close()
    if status != 200:
        raise Unreachable(f"{path} answers {status}: {body}")
    return body

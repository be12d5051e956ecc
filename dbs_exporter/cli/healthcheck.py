"""Asks an exporter on this machine: `dbs-exporter healthcheck` whether it serves, for `HEALTHCHECK`.

Only light modules are imported here, because a container runs this every 30 s.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dbs_exporter.errors import Unreachable
from dbs_exporter.listen import parse_listen_address

MOST_BYTES = 64 * 2**20
"""What is read of an answer, at most."""


class DemandsCertificate(Unreachable):
    """An exporter that wants a certificate of another kind than its own."""

    retryable = False


def load_tls(path: Path) -> tuple[ssl.SSLContext | None, bool]:
    """Return how to connect to an exporter with this web configuration, and whether it demands a certificate.

    None is plain HTTP.
    """
    from dbs_exporter.config.web_file import load_web_file

    settings = load_web_file(path).tls_server_config
    if settings is None:
        return None, False
    # The exporter asks itself, on this machine: no name would be right, and no secret is sent.
    context = ssl._create_unverified_context()  # noqa: S323
    if settings.client_auth_type != "NoClientCert":
        # While the pair is replaced it may not fit; then none is shown.
        with suppress(OSError):
            context.load_cert_chain(settings.cert_file, settings.key_file)
    return context, settings.client_auth_type == "RequireAndVerifyClientCert"


def check_health(
    listen_address: str, path: str, timeout: float, *, web_config_file: str | None = None
) -> str:
    """Return the body of the answer at `path`, from the exporter that listens on this address.

    An exporter that demands a certificate and refuses that of its own server proves health by that, and nothing else. Raises
    Unreachable if the status is not 200, or if there is no answer within `timeout` seconds.
    """
    try:
        status, body = ask(listen_address, path, timeout, web_config_file=web_config_file, most_bytes=4096)
    except DemandsCertificate:
        if path.endswith("/-/healthy"):
            return "healthy: it demands a certificate"
        raise
    text = body.decode(errors="replace").strip()
    if status != 200:
        raise Unreachable(f"{path} answers {status}: {text}")
    return text


def ask(
    listen_address: str,
    path: str,
    timeout: float,
    *,
    web_config_file: str | None = None,
    headers: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
) -> tuple[int, bytes]:
    """Return status and body of the answer at `path`, from the exporter that listens on this address.

    `web_config_file` says whether it serves TLS. Where it demands a certificate of clients, that of the exporter itself is
    shown. Raises Unreachable if there is no answer within `timeout` seconds, DemandsCertificate if that certificate is of
    no use.
    """
    host, port = parse_listen_address(listen_address)
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    tls, demands = (None, False) if web_config_file is None else load_tls(Path(web_config_file))
    connected = False
    connection = (
        http.client.HTTPConnection(host, port, timeout=timeout)
        if tls is None
        else http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
    )
    try:
        connection.connect()
        connected = True
        connection.request("GET", path, headers=headers or {})
        # The answer is closed too, because it keeps the socket open until it has been read to its end.
        with connection.getresponse() as answer:
            return answer.status, answer.read(most_bytes)
    except (ssl.SSLError, ConnectionError) as error:
        # Once the handshake has succeeded, it serves; uvloop closes without a word why.
        if not (connected and demands):
            raise Unreachable(f"no exporter answers on {listen_address}: {error}") from None
        raise DemandsCertificate(
            f"{listen_address} demands a certificate of clients, and that of the exporter is none; ask without --ready"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no exporter answers on {listen_address}: {error}") from None
    finally:
        connection.close()

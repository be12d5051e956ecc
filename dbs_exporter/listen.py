"""Where the exporter is reached: listen addresses as Prometheus writes them, such as `:10033` or `[::1]:10033`, and its path.

This module owns the syntax, whether a host is this machine, and the path before all others. It opens no socket; `web.server` does.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})")
ADDRESS_PATTERN = r"^(\[[0-9A-Fa-f:.%A-Za-z_]+\]|[A-Za-z0-9._-]*):[0-9]{1,5}$"
"""The syntax as far as JSON Schema can express it; only `parse_listen_address` checks the port's upper bound."""


def parse_listen_address(text: str) -> tuple[str, int]:
    """Return (host, port) of a listen address; host is "" for all interfaces, port 0 takes a free one.

    Raises ValueError, whose message says what would be right.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a listen address; write [HOST]:PORT,"
            " such as :10033, 127.0.0.1:10033 or [::1]:10033"
        )
    port = int(match["port"])
    if port > 65_535:
        raise ValueError(f"{text!r}: port {port} does not exist; 0 to 65535 would be right")
    if match["v6"] is not None:
        try:
            return str(ipaddress.IPv6Address(match["v6"])), port
        except ValueError:
            raise ValueError(
                f"{text!r}: {match['v6']!r} is not an IPv6 address; [::1]:{port} would be right"
            ) from None
    return match["host"], port


def path_prefix(external_url: str | None, route_prefix: str | None) -> str:
    """Return the path below which everything is served, without a slash at its end; "" for all.

    As in Prometheus, that is `route_prefix`, or the path of the external URL if there is none.
    """
    path = urlsplit(external_url or "").path if route_prefix is None else route_prefix
    return f"/{stripped}" if (stripped := path.strip("/")) else ""


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine's loopback interface."""
    if host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

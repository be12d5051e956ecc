"""`helm test`: scrape the exporter as Prometheus would, and look whether what must be on the page is there.

Where it asks for a password or a certificate, which this pod does not have, that it asks is what is looked for.
"""

import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

asks, url, *wanted = sys.argv[1:]
# It proves that something answers, and sends no secret, so whose certificate it is does not matter here.
unverified = ssl._create_unverified_context()  # noqa: S323


def shakes_hands(address: str) -> bool:
    """Return whether a server speaks TLS, even if it then refuses a client without a certificate."""
    parts = urllib.parse.urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        try:
            unverified.wrap_socket(connection).close()
        except ssl.SSLError as error:
            return "CERTIFICATE" in str(error) or "HANDSHAKE" in str(error)
    return True


deadline = time.monotonic() + 60
while True:
    try:
        if asks == "certificate":
            sys.exit(None if shakes_hands(url) else f"{url}: no TLS")
        with urllib.request.urlopen(url, timeout=10, context=unverified) as answer:
            page = answer.read().decode()
        break
    except OSError as error:
        if asks == "password" and isinstance(error, urllib.error.HTTPError) and error.code == 401:
            print(f"{url}: asks for a password")
            sys.exit()
        if time.monotonic() > deadline:
            sys.exit(f"{url}: {error}")
        time.sleep(1)
series = [line for line in page.splitlines() if line and not line.startswith("#")]
absent = [name for name in wanted if not any(line.startswith((name + "{", name + " ")) for line in series)]
if absent:
    sys.exit(f"{url}: {len(series)} series, and none of {', '.join(absent)}")
print(f"{url}: {len(series)} series")

"""`helm test`: scrape the exporter as Prometheus would, and look whether what must be on the page is there."""

import sys
import time
import urllib.request

url, *wanted = sys.argv[1:]
deadline = time.monotonic() + 60
while True:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            page = answer.read().decode()
        break
    except OSError as error:
        if time.monotonic() > deadline:
            sys.exit(f"{url}: {error}")
        time.sleep(1)
series = [line for line in page.splitlines() if line and not line.startswith("#")]
absent = [name for name in wanted if not any(line.startswith((name + "{", name + " ")) for line in series)]
if absent:
    sys.exit(f"{url}: {len(series)} series, and none of {', '.join(absent)}")
print(f"{url}: {len(series)} series")

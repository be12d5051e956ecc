"""History from the API's lists, as files that a Prometheus loads: what `/metrics` would have shown before the first scrape."""

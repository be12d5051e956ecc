"""Source of the Grafana dashboards: readable Python in, committed JSON out. `python -m dashboards.source` writes it."""

"""What the exporter shows: /metrics, the status page, health and readiness. It reads facts; it never asks the cloud."""

"""What the exporter serves over HTTP: metrics, the status page, health. It never calls the API."""

"""Pictures of the boards, drawn with Grafana's own components from a real Prometheus' answers. No Grafana server is involved."""

"""Drills: restores, downloads and questions to gateways that prove backups. Only commands use it, never the exporter."""

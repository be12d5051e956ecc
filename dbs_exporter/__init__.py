"""Prometheus exporter for Alibaba Cloud Database Backup Service (DBS)."""

__version__ = "0.1.0"

"""From facts to the pages that are scraped: families, rendering, and the exporter's own metrics."""

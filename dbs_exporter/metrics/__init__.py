"""From facts to what a scrape carries: the catalogue of families, the page, and the exporter's own metrics."""

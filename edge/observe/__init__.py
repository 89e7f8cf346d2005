"""Metrics and health. The only package that imports prometheus_client; asks the others' stats() when scraped."""

"""Delivery: what it costs and how long it takes."""

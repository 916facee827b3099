"""Cartograph: a headless-commerce server. `docs/architecture.md` is the map."""

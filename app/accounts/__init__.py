"""Customers and how they sign in. A schema of its own in the database, so that it can move out."""

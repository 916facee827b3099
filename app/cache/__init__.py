"""The read-through cache of public data. See ADR-0004."""

"""Documents that clients name instead of sending them: persisted queries and trusted documents. See ADR-0012."""

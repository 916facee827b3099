"""PostgreSQL: pools, transactions and the tables. See ADR-0001."""

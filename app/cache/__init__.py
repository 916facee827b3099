"""What is kept in Redis: the read-through cache of public data (ADR-0004), automatic persisted queries (ADR-0012) and
the callers' budgets (ADR-0014).
"""

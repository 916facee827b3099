"""Payments: attempts to charge, and the provider that does it. Knows an order's id, never an order."""

"""Carts: lines, prices, what keeps one from being paid."""

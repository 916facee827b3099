"""Promotions: reductions of the catalogue's prices, and discounts on carts."""

"""Checkout: from a priced cart to a paid order. The only feature that knows the others."""

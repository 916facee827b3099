"""Taxes: rates by place and class, on top of prices or contained in them."""

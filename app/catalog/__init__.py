"""The catalogue: products, variants, prices, categories, and how they are found."""

"""Terms of sale from files: delivery, taxes, promotions and prices, with every bad entry named by its line."""

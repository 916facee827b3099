"""The SQL of accounts, a module for each store of `AccountTransaction`."""

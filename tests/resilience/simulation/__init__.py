"""The shop, its provider and its buyers in one process under virtual time, with faults from one seed."""

"""Queries as graphql-core executes them, worked out once. See ADR-0038.

operation and variables -> Execution -> the fields of the root -> values -> fields of objects …

What a selection means (which fields, whose resolver, which type, what is null) does not change between executions, so
it is looked up when it is first met and kept with the operation. Everything else is graphql-core's: what is awaited
together, what is given up where a sibling fails, and every error. Tests hold the two against each other.
"""

"""The GraphQL schema: types declared over records, resolvers that delegate. See ADR-0002 and ADR-0006."""

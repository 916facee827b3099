"""One request's batching: what many resolvers ask for one at a time is read together. See ADR-0003."""

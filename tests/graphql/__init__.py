"""The API as its clients see it: GraphQL over HTTP in, exact answers out."""

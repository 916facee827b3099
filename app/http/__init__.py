"""HTTP: the GraphQL endpoint, signing in, health, pages. Plain ASGI where it is hot."""

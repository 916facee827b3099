// A list that grows by pages: what relay-compiler makes a pagination query of.
/* global graphql */

exports.page = graphql`
  query CatalogueQuery($query: String) {
    ...Catalogue_products @arguments(query: $query)
  }
`;

exports.list = graphql`
  fragment Catalogue_products on Query
  @argumentDefinitions(
    query: { type: "String" }
    first: { type: "Int", defaultValue: 5 }
    after: { type: "Cursor" }
  )
  @refetchable(queryName: "CataloguePageQuery") {
    products(query: $query, sort: NAME_ASC, first: $first, after: $after)
      @connection(key: "Catalogue_products", filters: ["query"]) {
      edges {
        node {
          id
          name
        }
      }
    }
  }
`;

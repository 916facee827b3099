// A cart that is fetched anew by its id: what relay-compiler makes a query of `node` of.
/* global graphql */

exports.page = graphql`
  query CartSummaryQuery($id: ID!) {
    cart(id: $id) {
      ...CartSummary_cart
    }
  }
`;

exports.summary = graphql`
  fragment CartSummary_cart on Cart
  @argumentDefinitions(lines: { type: "Int", defaultValue: 1 })
  @refetchable(queryName: "CartSummaryRefetchQuery") {
    version
    totalQuantity
    lines(first: $lines) {
      nodes {
        id
        quantity
      }
    }
  }
`;

exports.add = graphql`
  mutation CartSummaryAddMutation($input: CartLinesAddInput!) {
    cartLinesAdd(input: $input) {
      cart {
        ...CartSummary_cart
      }
      userErrors {
        code
      }
    }
  }
`;

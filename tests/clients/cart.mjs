// A cart as a storefront shows and changes it: documents for whichever client, and changes behind a client's back.
import { ask } from './shop.mjs';

const CART_SHOWN = `
  fragment CartShown on Cart {
    id
    version
    totalQuantity
    lines(first: 10) {
      nodes {
        id
        quantity
      }
    }
    cost {
      total {
        minorUnits
      }
    }
  }
`;

export const CART = `query Cart($id: ID!) { cart(id: $id) { ...CartShown } } ${CART_SHOWN}`;
export const CART_UPDATED = `subscription CartUpdated($id: ID!) { cartUpdated(id: $id) { ...CartShown } } ${CART_SHOWN}`;
export const ADD = `
  mutation Add($input: CartLinesAddInput!) {
    cartLinesAdd(input: $input) {
      cart { ...CartShown }
      userErrors {
        code
        field
        message
        ... on InsufficientStockError { requested available }
      }
    }
  }
  ${CART_SHOWN}
`;

/** Two variants that can be bought, by id. */
export async function variantsInStock() {
  const shown = '{ nodes { variants(first: 1) { nodes { id } } } }';
  const { products } = await ask(`{ products(first: 20, filter: { available: true }) ${shown} }`);
  return products.nodes.flatMap((product) => product.variants.nodes.map((variant) => variant.id)).slice(0, 2);
}

/** A new cart with one unit of a variant, by id. */
export async function newCart(variantId) {
  const open = 'mutation Open($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } } }';
  return (await ask(open, { input: { lines: [{ variantId, quantity: 1 }] } })).cartCreate.cart.id;
}

/** Puts units into a cart as another device would. */
export async function addElsewhere(cartId, variantId, quantity) {
  await ask(ADD, { input: { cartId, lines: [{ variantId, quantity }] } });
}

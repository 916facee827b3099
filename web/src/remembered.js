// What the answers have shown so far, so that nobody copies ids from tab to tab.
//
// A variable whose whole value is a placeholder such as "<cartId>" is replaced, when the request is sent, by the
// value that the latest answer with one had. "<newKey>" is a new random key for every request. All of it lives in
// this page's memory and is gone when the page is closed.
import { create } from 'zustand';

const sources = {
  variantId: 'Product',
  cartId: 'CreateCart',
  total: 'CreateCart',
  totalWithDelivery: 'WholeCart',
  deliveryOptionId: 'SetAddress',
  attemptId: 'CardApproval',
  orderAccessToken: 'Pay',
};

export const useRemembered = create(() => ({}));

export function remember(answer) {
  const found = {};
  collect(answer?.data, found);
  useRemembered.setState(found);
}

/** The variables with every placeholder replaced. Throws an Error that says which tab to run where a value is missing. */
export function fillPlaceholders(variables) {
  if (Array.isArray(variables)) return variables.map(fillPlaceholders);
  if (variables !== null && typeof variables === 'object') {
    return Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, fillPlaceholders(value)]));
  }
  return typeof variables === 'string' ? fillOne(variables) : variables;
}

function fillOne(text) {
  const name = /^<(\w+)>$/.exec(text)?.[1];
  if (name === 'newKey') return newKey();
  if (!name || !Object.hasOwn(sources, name)) return text;
  const values = useRemembered.getState();
  if (!Object.hasOwn(values, name)) throw new Error(`${text} is not known yet: run the tab ${sources[name]} first.`);
  return values[name];
}

// The first value of a kind in an answer wins, in the order of the document.
function collect(node, found) {
  if (Array.isArray(node)) {
    for (const item of node) collect(item, found);
  } else if (node !== null && typeof node === 'object') {
    collectOne(node, found);
    for (const child of Object.values(node)) collect(child, found);
  }
}

function collectOne(node, found) {
  const put = (name, value) => {
    if (typeof value === 'string') found[name] ??= value;
  };
  put('orderAccessToken', node.orderAccessToken);
  const kind = typeof node.id === 'string' ? node.id.slice(0, node.id.indexOf('_')) : null; // the prefix names the type
  if (kind === 'var' && node.availability?.state !== 'OUT_OF_STOCK') put('variantId', node.id);
  if (kind === 'ship') {
    put('deliveryOptionId', node.id);
    put('totalWithDelivery', node.cartTotal?.amount);
  }
  if (kind === 'attempt') put('attemptId', node.id);
  if (kind === 'cart') {
    put('cartId', node.id);
    put('total', node.cost?.total?.amount);
  }
}

// crypto.randomUUID exists on https and localhost only; a server on another machine of the office is neither.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Relay's hooks in real components, on what relay-compiler made of the fragments in `relay/`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Suspense, createElement } from 'react';
import reactRelay from 'react-relay';
import { create } from 'react-test-renderer';
import relayRuntime from 'relay-runtime';
import { newCart, variantsInStock } from './cart.mjs';
import { url, watchedFetch } from './shop.mjs';
import addMutation from './relay/__generated__/CartSummaryAddMutation.graphql.js';
import cartQuery from './relay/__generated__/CartSummaryQuery.graphql.js';
import cartFragment from './relay/__generated__/CartSummary_cart.graphql.js';
import catalogueQuery from './relay/__generated__/CatalogueQuery.graphql.js';
import catalogueFragment from './relay/__generated__/Catalogue_products.graphql.js';

const { RelayEnvironmentProvider, useLazyLoadQuery, usePaginationFragment, useRefetchableFragment } = reactRelay;
const { Environment, Network, RecordSource, Store, commitMutation } = relayRuntime;

function shopEnvironment() {
  const wire = watchedFetch();
  const network = Network.create(async ({ name, text }, variables) => {
    const answer = await wire.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return answer.json();
  });
  const environment = new Environment({ network, store: new Store(new RecordSource()) });
  return { environment, sent: () => wire.requests.map(({ body }) => body.operationName) };
}

/** Renders a component around a hook. shown: what the hook gave last; until: waits until it gives what is wanted. */
function render(environment, useIt) {
  let latest;
  let waiting = [];
  function Component() {
    latest = useIt();
    waiting = waiting.filter(({ condition, resolve }) => !condition(latest) || resolve());
    return null;
  }
  const page = createElement(Suspense, { fallback: null }, createElement(Component));
  const tree = create(createElement(RelayEnvironmentProvider, { environment }, page));
  const until = async (condition) => {
    if (latest && condition(latest)) return;
    const { promise, resolve } = Promise.withResolvers();
    waiting.push({ condition, resolve });
    await promise;
  };
  return { until, shown: () => latest, unmount: () => tree.unmount() };
}

function commit(environment, mutation, variables) {
  const { promise, resolve, reject } = Promise.withResolvers();
  commitMutation(environment, { mutation, variables, onCompleted: resolve, onError: reject });
  return promise;
}

test('loadNext appends the next page to a connection and shows each product once', async () => {
  const { environment, sent } = shopEnvironment();
  const page = render(environment, () =>
    usePaginationFragment(catalogueFragment, useLazyLoadQuery(catalogueQuery, {})),
  );
  const edges = () => page.shown().data.products.edges;
  await page.until(({ data }) => data.products.edges.length === 5);

  for (const count of [10, 15]) {
    assert.ok(page.shown().hasNext);
    page.shown().loadNext(5);
    await page.until(({ data, isLoadingNext }) => data.products.edges.length === count && !isLoadingNext);
  }

  assert.equal(new Set(edges().map(({ node }) => node.id)).size, 15);
  assert.deepEqual(sent(), ['CatalogueQuery', 'CataloguePageQuery', 'CataloguePageQuery']);
  page.unmount();
});

test('a fragment of a cart is fetched anew by the id of its node', async () => {
  const { environment, sent } = shopEnvironment();
  const [variantId, other] = await variantsInStock();
  const id = await newCart(variantId);
  const page = render(environment, () =>
    useRefetchableFragment(cartFragment, useLazyLoadQuery(cartQuery, { id }).cart),
  );
  await page.until(([cart]) => cart.totalQuantity === 1);
  await commit(environment, addMutation, { input: { cartId: id, lines: [{ variantId: other, quantity: 2 }] } });
  await page.until(([cart]) => cart.totalQuantity === 3 && cart.lines.nodes.length === 1);

  page.shown()[1]({ lines: 2 });

  await page.until(([cart]) => cart.lines.nodes.length === 2);
  assert.deepEqual(sent(), ['CartSummaryQuery', 'CartSummaryAddMutation', 'CartSummaryRefetchQuery']);
  page.unmount();
});

// urql as a storefront uses it, with its normalised cache.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { persistedExchange } from '@urql/exchange-persisted';
import { introspectionFromSchema, isObjectType } from 'graphql';
import { ADD, CART, CART_UPDATED, addElsewhere, newCart, variantsInStock } from './cart.mjs';
import { firstThat, runExamples, schema, url, watchedFetch } from './shop.mjs';

// Graphcache embeds an object in its parent where the type has no key, and wants to be told which types these are.
const embedded = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !type.getFields().id);
const keys = Object.fromEntries(embedded.map((type) => [type.name, () => null]));

function shopClient({ exchanges, ...options } = {}) {
  const wire = watchedFetch();
  const normalised = cacheExchange({
    schema: introspectionFromSchema(schema),
    keys,
    resolvers: { Query: { products: relayPagination() } },
  });
  const client = new Client({
    url,
    fetch: wire.fetch,
    preferGetMethod: false,
    exchanges: exchanges ?? [normalised, fetchExchange],
    ...options,
  });
  return { client, requests: wire.requests };
}

/** What a component that shows this query sees, change by change. */
function watch(source, condition) {
  const awaited = firstThat(condition);
  const { unsubscribe } = source.subscribe(({ data, error }) => (error ? awaited.error(error) : data && awaited.next(data)));
  return { seen: awaited.promise, stop: unsubscribe };
}

test('the examples lead from a search to a paid order', async () => {
  const { client } = shopClient();

  const { data } = await runExamples(async ({ kind, query, variables }) => {
    const { data, error } = await client[kind](query, variables).toPromise();
    assert.equal(error, undefined);
    return data;
  });

  assert.equal(data.Pay.checkoutComplete.__typename, 'CheckoutCompleted');
  assert.equal(data.Order.order.paymentStatus, 'PAID');
});

test('a cart mutation reaches a query of the cart through the normalised cache', async () => {
  const { client, requests } = shopClient();
  const [variantId, other] = await variantsInStock();
  const id = await newCart(variantId);
  await client.query(CART, { id }).toPromise();
  const shown = watch(client.query(CART, { id }), (data) => data.cart.totalQuantity === 3);

  const input = { cartId: id, lines: [{ variantId: other, quantity: 2 }] };
  const { data } = await client.mutation(ADD, { input }).toPromise();

  assert.deepEqual((await shown.seen).cart, data.cartLinesAdd.cart);
  assert.equal(data.cartLinesAdd.cart.lines.nodes.length, 2);
  assert.deepEqual(requests.map(({ body }) => body.operationName), ['Cart', 'Add']);
  shown.stop();
});

test('relayPagination joins the pages of products and shows each product once', async () => {
  const { client, requests } = shopClient();
  const page = `
    query Page($first: Int!, $after: Cursor) {
      products(sort: NAME_ASC, first: $first, after: $after) {
        edges { cursor node { id name } }
        nodes { id }
        pageInfo { hasNextPage endCursor hasPreviousPage startCursor }
      }
    }
  `;

  let after;
  let products;
  for (let count = 1; count <= 4; count += 1) {
    const { data, error } = await client.query(page, { first: 7, after }).toPromise();
    assert.equal(error, undefined);
    products = data.products;
    assert.equal(products.edges.length, 7 * count);
    after = products.pageInfo.endCursor;
  }

  assert.equal(new Set(products.edges.map(({ node }) => node.id)).size, 28);
  assert.equal(products.nodes.length, 28);
  assert.equal(requests.length, 4);
});

test('an invalid document is a CombinedError with a code', async () => {
  const { client } = shopClient({ exchanges: [fetchExchange] });

  const { data, error } = await client.query('query Wrong { nope }', {}).toPromise();

  assert.equal(data, undefined);
  assert.equal(error.networkError, undefined);
  assert.equal(error.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
});

test('what a shopper can mend is data and no error', async () => {
  const { client } = shopClient();
  const [variantId] = await variantsInStock();
  const input = { cartId: await newCart(variantId), lines: [{ variantId, quantity: 1000 }] };

  const { data, error } = await client.mutation(ADD, { input }).toPromise();

  assert.equal(error, undefined);
  assert.equal(data.cartLinesAdd.userErrors[0].code, 'QUANTITY_OUT_OF_RANGE');
});

test('a persisted query is registered once and then asked for by GET', async () => {
  const persisted = () => shopClient({ exchanges: [persistedExchange(), fetchExchange] });
  const query = `query Fresh_${randomUUID().replaceAll('-', '')} { shop { name } }`;
  const first = persisted();
  const second = persisted();

  const registered = await first.client.query(query, {}).toPromise();
  const found = await second.client.query(query, {}).toPromise();

  assert.equal(registered.error, undefined);
  assert.deepEqual(found.data, registered.data);
  const sent = ({ requests }) => requests.map(({ method, query }) => [method, Boolean(query.query)]);
  assert.deepEqual(sent(first), [
    ['GET', false],
    ['GET', true],
  ]);
  assert.deepEqual(sent(second), [['GET', false]]);
});

test('a persisted query that is too long for a URL is registered by POST', async () => {
  const { client, requests } = shopClient({ exchanges: [persistedExchange(), fetchExchange] });
  const fields = 'name languages currency currencies countries limits { maxPageSize }';
  const shops = Array.from({ length: 15 }, (_, number) => `shop${number}: shop { ${fields} }`);
  const query = `query Long_${randomUUID().replaceAll('-', '')} { ${shops.join(' ')} }`;

  const { data, error } = await client.query(query, {}).toPromise();

  assert.equal(error, undefined);
  assert.equal(Object.keys(data).length, 15);
  assert.deepEqual(requests.map(({ method }) => method), ['GET', 'POST']);
});

test('a subscription over server-sent events keeps the cached cart current', async () => {
  const { client, requests } = shopClient({ fetchSubscriptions: true });
  const [variantId] = await variantsInStock();
  const id = await newCart(variantId);
  await client.query(CART, { id }).toPromise();
  const shown = watch(client.query(CART, { id }), (data) => data.cart.totalQuantity === 5);
  const begun = firstThat((data) => data.cartUpdated.totalQuantity === 1);
  const updates = client
    .subscription(CART_UPDATED, { id })
    .subscribe(({ data, error }) => (error ? begun.error(error) : begun.next(data)));
  await begun.promise;

  await addElsewhere(id, variantId, 4);

  assert.equal((await shown.seen).cart.totalQuantity, 5);
  assert.deepEqual(requests.map(({ body }) => body.operationName), ['Cart', 'CartUpdated']);
  updates.unsubscribe();
  shown.stop();
});

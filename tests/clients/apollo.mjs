// Apollo Client as a storefront uses it.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import { ADD, CART, CART_UPDATED, addElsewhere, newCart, variantsInStock } from './cart.mjs';
import { firstThat, possibleTypes, runExamples, url, watchedFetch } from './shop.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

function shopClient({ link, headers, typePolicies } = {}) {
  const wire = watchedFetch();
  const http = new HttpLink({ uri: url, fetch: wire.fetch, headers });
  const client = new ApolloClient({
    cache: new InMemoryCache({ possibleTypes, typePolicies }),
    link: link ? ApolloLink.from([link, http]) : http,
  });
  return { client, requests: wire.requests };
}

/** What a component that shows this query sees, change by change. */
function watch(client, options, condition) {
  const awaited = firstThat(condition);
  const subscription = client.watchQuery(options).subscribe({ ...awaited, next: ({ data }) => data && awaited.next(data) });
  return { seen: awaited.promise, stop: () => subscription.unsubscribe() };
}

test('the examples lead from a search to a paid order', async () => {
  const { client } = shopClient();

  const { data } = await runExamples(async ({ kind, query, variables }) => {
    const document = gql(query);
    const { data, error } = await (kind === 'mutation'
      ? client.mutate({ mutation: document, variables })
      : client.query({ query: document, variables }));
    assert.equal(error, undefined);
    return data;
  });

  assert.equal(data.Pay.checkoutComplete.__typename, 'CheckoutCompleted');
  assert.equal(data.Order.order.paymentStatus, 'PAID');
});

test('a cart mutation reaches a query of the cart without a refetch', async () => {
  const { client, requests } = shopClient();
  const [variantId, other] = await variantsInStock();
  const id = await newCart(variantId);
  await client.query({ query: gql(CART), variables: { id } });
  const shown = watch(client, { query: gql(CART), variables: { id } }, (data) => data.cart.totalQuantity === 3);

  const input = { cartId: id, lines: [{ variantId: other, quantity: 2 }] };
  const { data } = await client.mutate({ mutation: gql(ADD), variables: { input } });

  assert.deepEqual((await shown.seen).cart, data.cartLinesAdd.cart);
  assert.equal(data.cartLinesAdd.cart.lines.nodes.length, 2);
  assert.deepEqual(requests.map(({ body }) => body.operationName), ['Cart', 'Add']);
  shown.stop();
});

test('relayStylePagination joins the pages of products and shows each product once', async () => {
  const { client, requests } = shopClient({
    typePolicies: { Query: { fields: { products: relayStylePagination(['query', 'filter', 'sort']) } } },
  });
  const query = gql`
    query Page($first: Int!, $after: Cursor) {
      products(sort: NAME_ASC, first: $first, after: $after) {
        edges {
          cursor
          node {
            id
            name
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `;
  const pages = firstThat((data) => data.products.edges.length === 28);
  const list = client.watchQuery({ query, variables: { first: 7 } });
  const shown = list.subscribe({ ...pages, next: ({ data }) => data && pages.next(data) });
  let { data: page } = await client.query({ query, variables: { first: 7 } });

  for (let count = 2; count <= 4; count += 1) {
    ({ data: page } = await list.fetchMore({ variables: { after: page.products.pageInfo.endCursor } }));
  }

  const data = await pages.promise;
  const ids = data.products.edges.map(({ node }) => node.id);
  assert.equal(new Set(ids).size, 28);
  assert.equal(requests.length, 4);
  const { data: atOnce } = await client.query({ query, variables: { first: 28 }, fetchPolicy: 'no-cache' });
  assert.deepEqual(ids, atOnce.products.edges.map(({ node }) => node.id));
  shown.unsubscribe();
});

test('an invalid document is a CombinedGraphQLErrors with a code and a request id', async () => {
  const { client } = shopClient();

  const { data, error } = await client.query({ query: gql`query Wrong { nope }`, errorPolicy: 'all' });

  assert.equal(data, undefined);
  assert.ok(CombinedGraphQLErrors.is(error), error);
  assert.equal(error.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  assert.match(error.errors[0].extensions.requestId, /./);
});

test('a malformed id is a CombinedGraphQLErrors that tells the path', async () => {
  const { client } = shopClient();

  await assert.rejects(client.query({ query: gql(CART), variables: { id: 'nonsense' } }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error), error);
    assert.equal(error.errors[0].extensions.code, 'BAD_USER_INPUT');
    assert.deepEqual(error.errors[0].path, ['cart']);
    return true;
  });
});

test('a refused token is a CombinedGraphQLErrors too', async () => {
  const { client } = shopClient({ headers: { authorization: 'Bearer nonsense' } });

  await assert.rejects(client.query({ query: gql`query Shop { shop { name } }` }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error), error);
    assert.equal(error.errors[0].extensions.code, 'UNAUTHENTICATED');
    return true;
  });
});

test('what a shopper can mend is data and no error', async () => {
  const { client } = shopClient();
  const [variantId] = await variantsInStock();
  const id = await newCart(variantId);

  const input = { cartId: id, lines: [{ variantId, quantity: 1000 }] };
  const { data, error } = await client.mutate({ mutation: gql(ADD), variables: { input } });

  assert.equal(error, undefined);
  assert.equal(data.cartLinesAdd.cart, null);
  const [{ code, field }] = data.cartLinesAdd.userErrors;
  assert.deepEqual({ code, field }, { code: 'QUANTITY_OUT_OF_RANGE', field: ['lines', '0', 'quantity'] });
});

test('a hashed query is registered once and then asked for by GET', async () => {
  const persisted = () => shopClient({ link: new PersistedQueryLink({ sha256, useGETForHashedQueries: true }) });
  const query = gql(`query Fresh_${randomUUID().replaceAll('-', '')} { shop { name } }`);
  const first = persisted();
  const second = persisted();

  const registered = await first.client.query({ query });
  const found = await second.client.query({ query });

  assert.deepEqual(found.data, registered.data);
  assert.equal(first.requests.length, 2);
  const [miss, registration] = first.requests;
  assert.equal(miss.method, 'GET');
  assert.equal(miss.query.query, undefined);
  assert.match(registration.body?.query ?? registration.query.query, /Fresh_/);
  assert.deepEqual(second.requests.map(({ method, query }) => [method, query.query]), [['GET', undefined]]);
});

test('a mutation is sent by its hash as well', async () => {
  const { client, requests } = shopClient({ link: new PersistedQueryLink({ sha256, useGETForHashedQueries: true }) });
  const [variantId] = await variantsInStock();
  const mutation = gql(ADD.replace('mutation Add', `mutation Add_${randomUUID().replaceAll('-', '')}`));
  const input = { cartId: await newCart(variantId), lines: [{ variantId, quantity: 1 }] };

  const once = await client.mutate({ mutation, variables: { input } });
  const twice = await client.mutate({ mutation, variables: { input } });

  assert.equal(once.data.cartLinesAdd.cart.totalQuantity, 2);
  assert.equal(twice.data.cartLinesAdd.cart.totalQuantity, 3);
  assert.deepEqual(requests.map(({ method, body }) => [method, 'query' in body]), [
    ['POST', false],
    ['POST', true],
    ['POST', false],
  ]);
});

test('a subscription over WebSocket keeps the cached cart current', async () => {
  const socket = createClient({ url: url.replace('http', 'ws') });
  const live = new ApolloLink((operation, forward) =>
    operation.operationType === 'subscription' ? new GraphQLWsLink(socket).request(operation) : forward(operation),
  );
  const { client, requests } = shopClient({ link: live });
  const [variantId] = await variantsInStock();
  const id = await newCart(variantId);
  await client.query({ query: gql(CART), variables: { id } });
  const shown = watch(client, { query: gql(CART), variables: { id } }, (data) => data.cart.totalQuantity === 5);
  const begun = firstThat(({ data }) => data.cartUpdated.totalQuantity === 1);
  const updates = client.subscribe({ query: gql(CART_UPDATED), variables: { id } }).subscribe(begun);
  await begun.promise;

  await addElsewhere(id, variantId, 4);

  assert.equal((await shown.seen).cart.totalQuantity, 5);
  assert.equal(requests.length, 1);
  shown.stop();
  updates.unsubscribe();
  await socket.dispose();
});

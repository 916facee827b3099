// The reference clients of the two streaming protocols: graphql-ws and graphql-sse in its distinct connections mode.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { CART_UPDATED, addElsewhere, newCart, variantsInStock } from './cart.mjs';
import { ask, examples, runExamples, url } from './shop.mjs';

const ORDER_UPDATED = `
  subscription OrderUpdated($token: String!) { orderUpdated(by: { accessToken: $token }) { id paymentStatus } }
`;
const ATTEMPT_UPDATED = 'subscription AttemptUpdated($id: ID!) { checkoutAttemptUpdated(id: $id) { id state } }';

const overSse = () => createSseClient({ url, retryAttempts: 0 });
const overWs = () => createWsClient({ url: url.replace('http', 'ws'), retryAttempts: 0 });

/** The data of the first answer that fulfils `condition`, and of none before it. */
async function until(answers, condition) {
  for (;;) {
    const { value, done } = await answers.next();
    assert.ok(!done, 'the stream ended');
    assert.equal(value.errors, undefined);
    if (condition(value.data)) return value.data;
  }
}

async function followsACart(client) {
  const [variantId] = await variantsInStock();
  const id = await newCart(variantId);
  const answers = client.iterate({ query: CART_UPDATED, variables: { id } });

  const first = await answers.next();
  await addElsewhere(id, variantId, 2);
  const changed = await until(answers, (data) => data.cartUpdated.totalQuantity === 3);

  assert.equal(first.value.data.cartUpdated.totalQuantity, 1);
  assert.ok(changed.cartUpdated.version > first.value.data.cartUpdated.version);
  await answers.return();
}

/** An order, an attempt to pay and the examples that are subscriptions, all at once. */
async function followsACheckout(client) {
  const { data, variablesFor } = await runExamples(({ query, variables }) => ask(query, variables));
  const { orderAccessToken: token } = data.Pay.checkoutComplete;
  const { id } = data.CardApproval.checkoutComplete.attempt;
  const order = client.iterate({ query: ORDER_UPDATED, variables: { token } });
  const attempt = client.iterate({ query: ATTEMPT_UPDATED, variables: { id } });
  const others = [...examples]
    .filter(([, { kind }]) => kind === 'subscription')
    .map(([name, { query }]) => client.iterate({ query, variables: variablesFor(name) }));

  await until(order, ({ orderUpdated }) => orderUpdated.paymentStatus === 'PAID');
  await until(attempt, ({ checkoutAttemptUpdated }) => checkoutAttemptUpdated.state === 'ACTION_REQUIRED');
  for (const other of others) await until(other, (answer) => Object.values(answer)[0] !== null);

  for (const answers of [order, attempt, ...others]) await answers.return();
}

async function refusesAWrongDocument(client) {
  const answers = client.iterate({ query: 'subscription Wrong { nope }' });

  const told = await answers.next().then(
    ({ value }) => value.errors,
    (error) => error,
  );

  assert.match(JSON.stringify(told), /Cannot query field/);
}

test('graphql-sse is given the cart at once and after each change', () => followsACart(overSse()));

test('graphql-ws is given the cart at once and after each change', async () => {
  const client = overWs();
  await followsACart(client);
  await client.dispose();
});

test('graphql-sse follows an order and an attempt to pay', () => followsACheckout(overSse()));

test('graphql-ws follows an order and an attempt to pay over one connection', async () => {
  const client = overWs();
  await followsACheckout(client);
  await client.dispose();
});

test('graphql-sse is told what is wrong with a document', () => refusesAWrongDocument(overSse()));

test('graphql-ws is told what is wrong with a document', async () => {
  const client = overWs();
  await refusesAWrongDocument(client);
  await client.dispose();
});

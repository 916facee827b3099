// What every client suite needs: where the shop is, its example documents, and an eye on what goes over the wire.
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { buildSchema, isAbstractType } from 'graphql';

const root = new URL('../../', import.meta.url);
const text = (path) => readFileSync(new URL(path, root), 'utf8');

export const url = `${process.env.SHOP_URL}/graphql`;
export const schema = buildSchema(text('schema.graphql'));

/** `docs/examples` by operation name, in the order of the files: {kind, query, variables}. */
export const examples = new Map(
  readdirSync(new URL('docs/examples/', root))
    .filter((file) => file.endsWith('.graphql'))
    .sort()
    .map((file) => {
      const query = text(`docs/examples/${file}`);
      const [, kind, name] = /^(query|mutation|subscription) (\w+)/m.exec(query);
      return [name, { kind, query, variables: variablesOf(file) }];
    }),
);

function variablesOf(file) {
  try {
    return text(`docs/examples/${file.replace(/\.graphql$/, '.json')}`);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return '{}';
  }
}

/**
 * Runs the examples that are not subscriptions, in order, by `execute({kind, query, variables})`, which gives the data.
 * Placeholders in variables are filled from the answers before. Gives {data: by name, variablesFor: of another example}.
 */
export async function runExamples(execute) {
  const memory = {};
  const variablesFor = (name) => filled(examples.get(name).variables, memory);
  const data = {};
  for (const [name, { kind, query }] of examples) {
    if (kind === 'subscription') continue;
    data[name] = await execute({ kind, query, variables: variablesFor(name) });
    remember(data[name], memory);
  }
  return { data, variablesFor };
}

// What a client keeps from an answer: a name for it, by how its id begins.
const kept = { cart: 'cartId', var: 'variantId', ship: 'deliveryOptionId', attempt: 'attemptId' };

function remember(value, memory) {
  if (value === null || typeof value !== 'object') return;
  const name = typeof value.id === 'string' ? kept[value.id.split('_')[0]] : undefined;
  if (name) memory[name] = value.id;
  if (value.orderAccessToken) memory.orderAccessToken = value.orderAccessToken;
  if (value.cartTotal?.amount) memory.totalWithDelivery = value.cartTotal.amount;
  if (value.cost?.total?.amount) memory.total = value.cost.total.amount;
  for (const each of Object.values(value)) remember(each, memory);
}

function filled(variables, memory) {
  const values = { ...memory, newKey: randomUUID() };
  return JSON.parse(
    variables.replace(/<(\w+)>/g, (placeholder, name) => {
      if (!(name in values)) throw new Error(`no answer before had a value for ${placeholder}`);
      return values[name];
    }),
  );
}

/** Members of every interface and union, for caches that match fragments by type. */
export const possibleTypes = Object.fromEntries(
  Object.values(schema.getTypeMap())
    .filter(isAbstractType)
    .map((type) => [type.name, schema.getPossibleTypes(type).map((member) => member.name)]),
);

/** A `fetch` that notes every request as {method, body, query}; query: the URL's parameters. */
export function watchedFetch() {
  const requests = [];
  const watched = (address, options = {}) => {
    const { searchParams } = new URL(address);
    requests.push({
      method: options.method ?? 'GET',
      body: options.body ? JSON.parse(options.body) : null,
      query: Object.fromEntries(searchParams),
    });
    return fetch(address, options);
  };
  return { fetch: watched, requests };
}

/** One request without any client. Throws what the shop complains about. */
export async function ask(query, variables = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** An answer of a stream that fulfils `condition`; the promise fails when the stream ends before. */
export function firstThat(condition) {
  const { promise, resolve, reject } = Promise.withResolvers();
  return {
    promise,
    next: (value) => condition(value) && resolve(value),
    error: reject,
    complete: () => reject(new Error('the stream ended')),
  };
}

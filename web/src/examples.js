// The example tabs: docs/examples in the order of the file names, each document with its variables.
//
// The files name US dollars. A shop that sells in another currency gets them in its own, because the editor marks a
// placeholder as an error where the schema wants a currency.
const documents = import.meta.glob('../../docs/examples/*.graphql', { query: '?raw', import: 'default', eager: true });
const variables = import.meta.glob('../../docs/examples/*.json', { query: '?raw', import: 'default', eager: true });
const currency = await shopCurrency();

export const examples = Object.keys(documents)
  .sort()
  .map((path) => ({
    title: /^(?:query|mutation|subscription) (\w+)/m.exec(documents[path])[1],
    summary: /^# \d+ of \d+ · (.+)/.exec(documents[path])?.[1] ?? '',
    query: documents[path].trimEnd(),
    variables: variables[path.replace(/\.graphql$/, '.json')]?.trimEnd().replaceAll('"USD"', `"${currency}"`) ?? null,
  }));

async function shopCurrency() {
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: '{ shop { currency } }' }),
      signal: AbortSignal.timeout(2000), // ms; the page must open also while the API does not answer
    });
    return (await response.json()).data.shop.currency;
  } catch {
    return 'USD';
  }
}

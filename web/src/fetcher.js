// Sends what a tab holds to the API and remembers what the answer shows.
import { Kind, parse } from 'graphql';
import { authorization } from './account.js';
import { fillPlaceholders, remember } from './remembered.js';

export async function fetcher({ query, variables, operationName }, { headers } = {}) {
  let filled;
  try {
    filled = fillPlaceholders(variables);
  } catch (error) {
    return { errors: [{ message: `Not sent. ${error.message}` }] };
  }
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...authorization(),
      ...headers,
    },
    body: JSON.stringify({ query, variables: filled, operationName: nameIn(query, operationName) }),
  });
  const answer = await response.json().catch(() => {
    throw new Error(`The server answered HTTP ${response.status} without JSON.`);
  });
  remember(answer);
  return answer;
}

// For a moment after a tab was opened, GraphiQL still names the operation of the tab before.
function nameIn(query, operationName) {
  let operations;
  try {
    operations = parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  } catch {
    return operationName; // the server says what is wrong with the document
  }
  const names = operations.map((operation) => operation.name?.value);
  return names.length === 1 ? names[0] : names.find((name) => name === operationName);
}

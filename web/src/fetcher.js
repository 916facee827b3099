// Sends what a tab holds to the API, and tells the rest of the page what the answers show.
import { Kind, parse } from 'graphql';
import { authorization } from './account.js';
import { askingHeader, noteRequest } from './lastRequest.js';
import { fillPlaceholders, remember } from './remembered.js';

const introspection = 'IntrospectionQuery'; // GraphiQL's own, and no request of the user's

export async function fetcher({ query, variables, operationName }, { headers } = {}) {
  let filled;
  try {
    filled = fillPlaceholders(variables);
  } catch (error) {
    return { errors: [{ message: `Not sent. ${error.message}` }] };
  }
  const name = nameIn(query, operationName);
  const own = Object.fromEntries(new Headers(headers)); // in lower case: one of the editor's replaces one of ours
  const asking = name === introspection || 'x-debug' in own ? {} : askingHeader;
  const answer = await post({ query, variables: filled, operationName: name }, { ...authorization(), ...asking, ...own });
  remember(answer);
  return asking === askingHeader ? noteRequest(name, answer) : answer;
}

async function post(request, headers) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...headers,
    },
    body: JSON.stringify(request),
  });
  return response.json().catch(() => {
    throw new Error(`The server answered HTTP ${response.status} without JSON.`);
  });
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

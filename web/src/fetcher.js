// Sends what a tab holds to the API, and tells the rest of the page what the answers show.
import { Kind, OperationTypeNode, parse } from 'graphql';
import { authorization } from './account.js';
import { askingHeader, noteRequest } from './lastRequest.js';
import { fillPlaceholders, remember } from './remembered.js';
import { send, watch } from './transport.js';

const introspection = 'IntrospectionQuery'; // GraphiQL's own, and no request of the user's

export async function fetcher({ query, variables, operationName }, { headers } = {}) {
  let filled;
  try {
    filled = fillPlaceholders(variables);
  } catch (error) {
    return { errors: [{ message: `Not sent. ${error.message}` }] };
  }
  const operation = operationIn(query, operationName);
  const name = operation?.name?.value;
  const own = Object.fromEntries(new Headers(headers)); // in lower case: one of the editor's replaces one of ours
  const asking = name === introspection || 'x-debug' in own ? {} : askingHeader;
  const take = (answer) => {
    remember(answer);
    return asking === askingHeader ? noteRequest(name, answer) : answer;
  };
  const request = { query, variables: filled, operationName: name };
  const sent = { ...authorization(), ...asking, ...own };
  return operation?.operation === OperationTypeNode.SUBSCRIPTION ? watch(request, sent, take) : take(await send(request, sent));
}

// For a moment after a tab was opened, GraphiQL still names the operation of the tab before.
function operationIn(query, operationName) {
  let operations;
  try {
    operations = parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  } catch {
    return { name: { value: operationName } }; // the server says what is wrong with the document
  }
  return operations.length === 1 ? operations[0] : operations.find(({ name }) => name?.value === operationName);
}

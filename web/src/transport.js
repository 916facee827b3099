// The two ways to the API: a request with one answer, and a subscription with one answer after another.
import { createClient } from 'graphql-sse';

const endpoint = '/graphql';

/** The answer to a query or a mutation, whatever its status. */
export async function send(request, headers) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...headers,
    },
    body: JSON.stringify(request),
  });
  return answerIn(response);
}

/**
 * A subscription's answers, as the observable that GraphiQL takes for a stream. `take` sees each and says what to show.
 *
 * A connection that breaks is told at once and not made again: the next run begins with the state of then.
 */
export function watch(request, headers, take) {
  const client = createClient({ url: endpoint, headers, fetchFn: fetchEvents, retryAttempts: 0 });
  return {
    subscribe: ({ next, error, complete }) => ({
      unsubscribe: client.subscribe(request, { next: (answer) => next(take(answer)), error, complete }),
    }),
  };
}

// A refusal is no stream. Without this, the page would show its status and not what it says.
async function fetchEvents(url, options) {
  const response = await fetch(url, options);
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
  return new Response(`event: next\ndata: ${JSON.stringify(await answerIn(response))}\n\nevent: complete\ndata: \n\n`);
}

function answerIn(response) {
  return response.json().catch(() => {
    throw new Error(`The server answered HTTP ${response.status} without JSON.`);
  });
}

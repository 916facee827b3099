// What the latest request cost and what the cache did for it, as the server tells who asks with `x-debug`.
import { create } from 'zustand';

export const askingHeader = { 'x-debug': 'cost, cache' };

/** `{ name, cost, cache }`: the operation's name, and the answer's `extensions.cost` and `.cache`, where it has them. */
export const useLastRequest = create(() => ({}));

/** Shows what an answer tells of its request, and returns the answer without it: what any other client gets. */
export function noteRequest(name, answer) {
  const { cost, cache, ...others } = answer?.extensions ?? {};
  useLastRequest.setState({ name, cost, cache }, true);
  if (!cost && !cache) return answer;
  const { extensions: _, ...rest } = answer;
  return Object.keys(others).length === 0 ? rest : { ...rest, extensions: others };
}

import { useLastRequest } from './lastRequest.js';

/** One line below the answer; nothing where the server tells nothing. */
export function LastRequest() {
  const { name, cost, cache } = useLastRequest();
  if (!cost && !cache) return null;
  return (
    <dl className="last-request" aria-label="Last request">
      {name && <Entry term="Last request">{name}</Entry>}
      {cost && (
        <Entry term="Cost" title="What the answer used, and the estimate that was held against the limit">
          {cost.actualQueryCost ?? 'not run'} of {cost.requestedQueryCost} estimated
        </Entry>
      )}
      {cost?.throttleStatus && <Budget {...cost.throttleStatus} />}
      {cache && (
        <Entry term="Cache" title="Reads that the cache answered, reads that it did not, and answers past their time">
          {reads(cache)}
        </Entry>
      )}
    </dl>
  );
}

function reads({ hits, misses, stale }) {
  if (hits + misses + stale === 0) return 'not used';
  return `${hits} ${hits === 1 ? 'hit' : 'hits'}, ${misses} ${misses === 1 ? 'miss' : 'misses'}, ${stale} stale`;
}

function Budget({ maximumAvailable, currentlyAvailable, restoreRate }) {
  return (
    <Entry term="Left" title={`${restoreRate} come back each second`}>
      {currentlyAvailable} of {maximumAvailable}
    </Entry>
  );
}

function Entry({ term, title, children }) {
  return (
    <div title={title}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

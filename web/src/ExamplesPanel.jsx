import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { examples } from './examples.js';
import { useRemembered } from './remembered.js';

function Examples() {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, activeTabIndex, queryEditor, variableEditor } = useGraphiQL((state) => ({
    tabs: state.tabs,
    activeTabIndex: state.activeTabIndex,
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
  }));

  function open(example) {
    const index = tabs.findIndex((tab) => tab.title === example.title);
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      queryEditor?.setValue(example.query);
      variableEditor?.setValue(example.variables ?? '');
    }
  }

  return (
    <section className="panel">
      <h2>From search to order</h2>
      <p>Run these tabs from top to bottom on the demo catalogue. Nothing has to be copied between them.</p>
      <ol className="examples">
        {examples.map((example) => (
          <li key={example.title}>
            <button
              type="button"
              aria-current={tabs[activeTabIndex]?.title === example.title ? 'true' : undefined}
              onClick={() => open(example)}
            >
              <strong>{example.title}</strong>
              <span>{example.summary}</span>
            </button>
          </li>
        ))}
      </ol>
      <p>
        <button type="button" className="restore" onClick={restore}>
          Restore all examples
        </button>
        , closing what else is open.
      </p>
      <Remembered />
    </section>
  );
}

// GraphiQL keeps the tabs in the browser's storage and takes the examples only where it finds none there. It writes late:
// what is removed before the page is left may be back by then.
function restore() {
  const forget = () => ['tabState', 'query', 'variables'].forEach((key) => localStorage.removeItem(`graphiql:${key}`));
  addEventListener('pagehide', forget, { once: true });
  location.reload();
}

function Remembered() {
  const values = useRemembered();
  const names = Object.keys(values);
  return (
    <>
      <h2>Seen in answers</h2>
      <p>
        {names.length === 0
          ? 'Nothing yet. What the tabs need from each other appears here.'
          : 'A variable that holds a name from this list is sent with the value beside it.'}
      </p>
      <dl className="remembered">
        {names.map((name) => (
          <div key={name}>
            <dt>{`"<${name}>"`}</dt>
            <dd>{values[name]}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

const Icon = () => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round">
    <path d="M4 6h1M4 12h1M4 18h1M9 6h11M9 12h11M9 18h11" />
  </svg>
);

export const examplesPanel = { title: 'Examples', icon: Icon, content: Examples };

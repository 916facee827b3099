// The page at /graphql: GraphiQL with the example tabs, what they remember, what a request cost, and a sign-in.
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import '@graphiql/plugin-explorer/style.css';
import 'graphiql/graphiql.css';
import './explorer.css';
import './workers.js';

import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { examplesPanel } from './ExamplesPanel.jsx';
import { examples } from './examples.js';
import { fetcher } from './fetcher.js';
import { LastRequest } from './LastRequest.jsx';
import { signInPanel } from './SignInPanel.jsx';

const plugins = [examplesPanel, explorerPlugin({ showAttribution: false }), HISTORY_PLUGIN, signInPanel];

// GraphiQL has no setting for this, and without it the end of a comment is out of sight.
function WrapLongLines() {
  const editor = useGraphiQL((state) => state.queryEditor);
  useEffect(() => editor?.updateOptions({ wordWrap: 'on' }), [editor]);
  return null;
}

// GraphiQL ends a subscription when another tab is chosen; when one is added, its answers would go on in the new tab.
function EndWithTab() {
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  const { stop } = useGraphiQLActions();
  useEffect(() => stop, [tab, stop]);
  return null;
}

// Opened for who has never been here; after that GraphiQL remembers which panel was open, if any.
const firstPanel = localStorage.getItem('graphiql:tabState') === null ? examplesPanel : undefined;

// GraphiQL shows the first default tab's document but not its variables, so the first example has none.
createRoot(document.getElementById('root')).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    visiblePlugin={firstPanel}
    defaultTabs={examples.map(({ query, variables }) => ({ query, variables }))}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <a className="logo" href="/">
        Cartograph
      </a>
      <WrapLongLines />
      <EndWithTab />
    </GraphiQL.Logo>
    <GraphiQL.Footer>
      <LastRequest />
    </GraphiQL.Footer>
  </GraphiQL>,
);

// Builds the explorer for the address /explorer/, in a form that a strict content security policy allows:
// no inline script, no data: fonts, workers as files of their own.
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/explorer/',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // a font inlined as data: would need a wider policy
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000, // kB; the editor is one large chunk, loaded after the page has shown itself
    reportCompressedSize: false,
    rolldownOptions: {
      // Every React library says "use client"; that this bundle has no server side is known.
      onLog: (level, log, report) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && report(level, log),
    },
  },
  worker: { format: 'es' },
  server: {
    // `npm run dev` beside a running server: the page from here, the API from there.
    proxy: { '/graphql': 'http://127.0.0.1:8000', '/api': 'http://127.0.0.1:8000', '/media': 'http://127.0.0.1:8000' },
    fs: { allow: ['..'] },
  },
});

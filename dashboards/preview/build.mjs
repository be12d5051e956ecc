// Bundles preview.tsx for a browser. Grafana's packages are taken in their CommonJS form: their .mjs files import CommonJS
// packages as bundlers for the web do, which esbuild reads as Node would.
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);

await build({
  entryPoints: ['preview.tsx'],
  outfile: process.argv[2] ?? 'preview.js',
  bundle: true,
  format: 'iife',
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.ttf': 'empty', '.woff2': 'dataurl', '.css': 'text' },
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'error',
  plugins: [
    {
      name: 'grafana-commonjs',
      setup: (api) => api.onResolve({ filter: /^@grafana\// }, ({ path }) => ({ path: require.resolve(path) })),
    },
  ],
});

// Programs as one file each, beside each other in dist/.
import { build } from 'esbuild';

/** Threads of the program, and its background process, started as files beside it. */
export const BESIDE = {
  'background-process': 'directory/commands/background-process.ts',
  'unit-thread': 'exchange/reconcile/unit-thread.ts',
  'line-thread': 'directory/federation/harvest/line-thread.ts',
};

/** @param entryPoints names in dist/, without extension, and their sources */
export async function bundle(entryPoints: Record<string, string>): Promise<void> {
  await build({
    entryPoints,
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: true,
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    logLevel: 'warning',
    banner: {
      js: [
        "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
        // `npm start` and `npm run payer-node` use the Node that npm ci brought
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the bundle, not of this file
        "if (Number(process.versions.node.split('.')[0]) < 24) { process.stderr.write(`Payer Node needs Node 24; this is ${process.versions.node}. Use npm start or npm run payer-node.\\n`); process.exit(1); }",
      ].join('\n'),
    },
  });
}

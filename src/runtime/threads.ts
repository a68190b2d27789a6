// Where the modules of further threads and of the background process are: beside the bundle, or in the source.
import { nodeThreads } from './node-threads.ts';

const file = (source: string, built: string): URL =>
  new URL(import.meta.url.endsWith('.ts') ? source : built, import.meta.url);

export const BACKGROUND_PROCESS = file('../../directory/commands/background-process.ts', './background-process.mjs');

export const threads = () =>
  nodeThreads({
    units: file('../../exchange/reconcile/unit-thread.ts', './unit-thread.mjs'),
    lines: file('../../directory/federation/harvest/line-thread.ts', './line-thread.mjs'),
  });

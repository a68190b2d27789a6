// Where the modules of further threads are: beside the bundle, or in the source.
import { nodeThreads } from '../runtime/node-threads.ts';

const file = (source: string, built: string): URL =>
  new URL(import.meta.url.endsWith('.ts') ? source : built, import.meta.url);

export const HARVEST_THREAD = file('./harvest-thread.ts', './harvest-thread.mjs');

export const threads = () =>
  nodeThreads({
    units: file('../../exchange/reconcile/unit-thread.ts', './unit-thread.mjs'),
    lines: file('../../directory/federation/harvest/line-thread.ts', './line-thread.mjs'),
  });

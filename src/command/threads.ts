// Where the modules of further threads are: beside the bundle, or in the source.
import { nodeThreads } from '../runtime/node-threads.ts';

const inSource = import.meta.url.endsWith('.ts');

export const threads = () =>
  nodeThreads({
    units: new URL(inSource ? '../../exchange/reconcile/unit-thread.ts' : './unit-thread.mjs', import.meta.url),
  });

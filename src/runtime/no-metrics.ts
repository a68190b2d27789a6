import type { Metrics } from '../deps.ts';

/** For tests, Workers and short commands. */
export const noMetrics: Metrics = { count: () => {}, observe: () => {}, gauge: () => {} };

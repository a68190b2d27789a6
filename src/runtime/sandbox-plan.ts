// Who the two payers of the sandbox are. Every command in the sandbox speaks as the first of them.
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { PLAN_NAMES } from '../seed/index.ts';
import { planNpi } from '../seed/members/care.ts';

/** Seed number of the demo data. */
export const SEED = 2027;

/** Settings of our own node in the sandbox: the plan of the demo members. */
export function sandboxPlan(config: Config): Config {
  return { ...config, planName: PLAN_NAMES.current, planNpi: planNpi(SEED, 'current') };
}

/** Settings of the demo payer beside it. */
export function priorPlan(config: Config): Config {
  const port = config.port === 0 ? 0 : config.port + 1;
  return {
    ...config,
    port,
    baseUrl: `http://localhost:${port}`,
    planName: PLAN_NAMES.prior,
    planNpi: planNpi(SEED, 'prior'),
    dataDir: join(config.dataDir, 'prior-payer'),
    blobsDir: join(config.dataDir, 'prior-payer', 'blobs'),
    keysDir: join(config.dataDir, 'prior-payer', 'keys'),
  };
}

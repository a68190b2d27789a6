// Settings from the environment; all faults are reported together at boot.
import type { z } from 'zod';
import { SETTINGS, type Setting } from './settings.ts';
import { TUNING, type Tuning } from './tuning.ts';

type Values = { [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]['schema']> };

type Derived = 'sandbox' | 'baseUrl' | 'blobsDir' | 'keysDir';
export type Config = Omit<Values, Derived> &
  Tuning & {
    sandbox: boolean;
    baseUrl: string;
    blobsDir: string;
    keysDir: string;
  };

/** All faults of the environment in one error, a sentence each. */
export class ConfigError extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Settings from the environment. `tuning` overrides what no operator sets.
 * @throws ConfigError with every fault
 */
export function readConfig(env: Record<string, string | undefined>, tuning: Partial<Tuning> = {}): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, row] of Object.entries(SETTINGS) as [string, Setting][]) {
    const given = env[row.env];
    const parsed = row.schema.safeParse(given === undefined || given === '' ? undefined : given);
    if (parsed.success) values[name] = parsed.data;
    else {
      const shown = row.secret ? 'its value' : `"${given ?? ''}"`;
      faults.push(`${row.env}: ${shown} is not valid: ${parsed.error.issues[0]?.message ?? 'invalid'}.`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  const v = values as Values;
  if (v.staffOidcIssuer !== undefined && v.staffOidcClientId === undefined)
    faults.push('STAFF_OIDC_CLIENT_ID: is required when STAFF_OIDC_ISSUER is set.');
  if (v.host !== '127.0.0.1' && v.host !== 'localhost' && v.host !== '::1' && v.sandbox === 'on')
    faults.push(
      'SANDBOX: the sandbox has demo accounts and keys; it listens on loopback only. Unset HOST or set SANDBOX=off.',
    );
  if (faults.length > 0) throw new ConfigError(faults);
  const configured = v.databaseUrl !== undefined || v.baseUrl !== undefined || v.staffOidcIssuer !== undefined;
  return {
    ...TUNING,
    ...tuning,
    ...v,
    sandbox: v.sandbox === 'on' || (v.sandbox === 'auto' && !configured),
    baseUrl: v.baseUrl ?? `http://localhost:${v.port}`,
    blobsDir: v.blobsDir ?? `${v.dataDir}/blobs`,
    keysDir: v.keysDir ?? `${v.dataDir}/keys`,
  };
}

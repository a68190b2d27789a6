// Links by which a provider attests: 128 bits of chance, kept as a hash, good for ninety days.
import { createHash, randomBytes } from 'node:crypto';
import type { FederationDeps } from '../client.ts';
import { addLinks, findLink } from './attest-rows.ts';

const LINK_DAYS = 90;
export const ATTEST_ROOT = '/attest';

export const codeHash = (code: string): string => createHash('sha256').update(`attest ${code}`).digest('hex');

type Needs = Pick<FederationDeps, 'database' | 'clock' | 'config'>;

/** Makes a link for each entry, in their order. */
export async function makeLinks(deps: Needs, keys: readonly string[], by: string): Promise<string[]> {
  const made = keys.map((key) => ({ key, code: randomBytes(16).toString('base64url') }));
  const at = deps.clock();
  await addLinks(
    deps.database.sql,
    made.map((m) => ({ key: m.key, hash: codeHash(m.code) })),
    by,
    at,
    new Date(at.getTime() + LINK_DAYS * 86_400_000),
  );
  return made.map((m) => `${deps.config.baseUrl}${ATTEST_ROOT}/${m.code}`);
}

/** The entry of a code; undefined when there is none, or its days are over. */
export async function linked(deps: Needs, code: string): Promise<{ key: string; usedAt: Date | null } | undefined> {
  return /^[A-Za-z0-9_-]{22}$/.test(code) ? await findLink(deps.database.sql, codeHash(code), deps.clock()) : undefined;
}

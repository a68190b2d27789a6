// Which public documentation was online, and what it said: once a day each document is asked for at its public address, as
// anyone would, and its SHA-256 is kept. 42 CFR 422.119(d).
import { createHash } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import { VERSION } from '../../../src/version.ts';
import { addresses } from '../../plan.ts';
import { type DocumentCheck, lastDocumentCheck, writeDocumentChecks } from './document-check.ts';

const DAY_MS = 86_400_000;
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** Addresses of what is published about the exchange: for people, for programs, and what FHIR and SMART name. */
function publicDocuments(config: Deps['config']): string[] {
  const { fhir } = addresses(config);
  return [
    `${config.baseUrl}/exchange/docs`,
    `${config.baseUrl}/exchange/openapi.json`,
    `${fhir}/metadata`,
    `${fhir}/.well-known/smart-configuration`,
  ];
}

type Needs = Pick<Deps, 'config' | 'clock' | 'database' | 'fetch'>;

async function look(deps: Needs, url: string, at: Date): Promise<DocumentCheck> {
  const seen = { at, url, version: VERSION, status: null, bytes: null, sha256: null };
  try {
    const response = await deps.fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const part of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      if (bytes > MAX_BYTES) return { ...seen, status: response.status, fault: 'too-large' };
      hash.update(part);
    }
    const fault = response.status === 200 ? null : `status-${response.status}`;
    return { ...seen, status: response.status, bytes, sha256: hash.digest('hex'), fault };
  } catch {
    return { ...seen, fault: 'unreachable' };
  }
}

/** Looks at every document and keeps what was there. */
export async function checkDocuments(deps: Needs): Promise<DocumentCheck[]> {
  const at = deps.clock();
  const seen: DocumentCheck[] = [];
  for (const url of publicDocuments(deps.config)) seen.push(await look(deps, url, at));
  await deps.database.sql.begin((tx) => writeDocumentChecks(tx, seen));
  return seen;
}

/** The same when that was last done a day ago or longer. */
export async function checkDocumentsDaily(deps: Needs & Pick<Deps, 'log'>): Promise<void> {
  const last = await lastDocumentCheck(deps.database.sql);
  if (last !== undefined && deps.clock().getTime() - last.getTime() < DAY_MS) return;
  for (const d of await checkDocuments(deps))
    if (d.fault !== null) deps.log('warn', 'a public document is not online', { url: d.url, reason: d.fault });
}

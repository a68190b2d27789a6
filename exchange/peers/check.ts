// Asks a peer for its discovery documents and keeps what it said. What differs from the pinned record is reported, never followed.

import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { isNpiSystem, isValidNpi } from '../../src/fhir/npi.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { negotiate } from '../requester/client/abilities.ts';
import { type Discovery, discover } from '../requester/client/discover.ts';
import { findEndpoints } from '../requester/client/endpoints.ts';
import { learnedNow } from '../requester/client/learned-abilities.ts';
import { PeerFault } from '../requester/client/peer-fetch.ts';
import { findPeer, type Peer, recordCheck } from './peer.ts';
import { addPeerChange } from './peer-change.ts';
import { lastDiffering } from './peer-due.ts';
import { recordAbilities } from './peer-health.ts';

export type Difference = { name: string; pinned: string; now: string };
export type Checked = { found: Discovery; differs: Difference[] } | { fault: string };

/** Values that must not change without a person: the audience of our assertions is among them. */
export function pinnedDifferences(peer: Peer, found: Discovery): Difference[] {
  const pairs = [
    ['token endpoint', peer.tokenEndpoint, found.tokenEndpoint],
    ['issuer', peer.issuer, found.issuer ?? null],
  ] as const;
  return pairs.flatMap(([name, pinned, now]) =>
    pinned === null || pinned === now ? [] : [{ name, pinned, now: now ?? 'none' }],
  );
}

/**
 * Does the payer publish another address of its exchange than the one we ask, or is it another payer by what is
 * published there? Nothing published says nothing: such documents come and go. What is no NPI names no one.
 */
export async function publishedDifference(deps: Deps, peer: Peer): Promise<Difference[]> {
  if (peer.discoveryUrl === null || peer.fhirBase === null) return [];
  const { endpoints, identifiers } = await findEndpoints(deps, peer.discoveryUrl);
  const urls = [...new Set(endpoints.map((e) => e.url))];
  const npis = identifiers.filter((i) => isNpiSystem(i.system) && isValidNpi(i.value)).map((i) => i.value);
  const [first] = urls;
  const [other] = npis;
  return [
    ...(first === undefined || urls.includes(peer.fhirBase)
      ? []
      : [{ name: 'published FHIR address', pinned: peer.fhirBase, now: first }]),
    ...(other === undefined || peer.npi === null || npis.includes(peer.npi)
      ? []
      : [{ name: 'published NPI', pinned: peer.npi, now: other }]),
  ];
}

export async function checkPeer(
  deps: Deps,
  peer: Peer,
  by: { kind: 'staff' | 'command' | 'system'; name: string },
): Promise<Checked> {
  const at = deps.clock();
  let found: Discovery;
  let published: Difference[] = [];
  try {
    found = await discover(deps, peer);
    published = await publishedDifference(deps, peer);
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    await recordCheck(deps.database.sql, peer.id, at, false, { reason: error.reason });
    return { fault: error.reason };
  }
  const differs = [...pinnedDifferences(peer, found), ...published];
  await deps.database.sql.begin(async (tx) => {
    const { statement: _, ...facts } = found;
    const changed = JSON.stringify(differs);
    // what the daily look finds again was reported when it was found
    const isTold = by.kind === 'system' && (await lastDiffering(tx, peer.id)) === changed;
    await recordCheck(tx, peer.id, at, differs.length === 0, {
      ...facts,
      differs: differs.map((d) => d.name),
      changed,
    });
    if (differs.length > 0 && !isTold) await recordDifferences(tx, peer, differs, by, at);
    else if (differs.length > 0) return;
    else {
      // what a pull learned meanwhile stands on the record, with its day: this look learns nothing again of what its answers taught
      const known = (await findPeer(tx, peer.id)) ?? peer;
      const learned = learnedNow(known, at);
      const abilities = negotiate(found.statement, found.scopes, peer, learned, found.algorithms);
      await recordAbilities(tx, peer.id, abilities, learned === undefined ? at : (known.abilitiesAt ?? at));
    }
  });
  return { found, differs };
}

/** What differs from the pinned record, in the peer's history and the audit. */
export async function recordDifferences(
  tx: Queryable,
  peer: Peer,
  differs: readonly Difference[],
  by: { kind: 'staff' | 'command' | 'system'; name: string },
  at: Date,
): Promise<void> {
  await addPeerChange(tx, {
    peerId: peer.id,
    what: 'discovery',
    before: Object.fromEntries(differs.map((d) => [d.name, d.pinned])),
    after: Object.fromEntries(differs.map((d) => [d.name, d.now])),
    byKind: by.kind,
    by: by.name,
    at,
    state: 'applied',
  });
  await writeAudit(tx, [
    auditRow({
      at,
      actorKind: by.kind,
      actor: by.name,
      action: 'peer-checked',
      object: `peer/${peer.id}`,
      peerId: peer.id,
      outcome: 'failed',
      reason: 'discovery-changed',
    }),
  ]);
}

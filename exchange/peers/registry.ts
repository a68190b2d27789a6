// Changes of the registry of peers, by staff page or command: each with its row of history and of the audit in one
// transaction, and, where the setting asks for it, in force only after a second person.

import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { linkOtherCoverage } from '../members/enrolment/same-payer.ts';
import { isLimitName, type LimitName } from '../requester/client/limits.ts';
import { revokeOfPeer } from '../responder/export/revoke.ts';
import { addPeer, holdPeer, type Peer, type PeerState, setPeerState } from './peer.ts';
import {
  addPeerChange,
  changedBy,
  decideChange,
  findChange,
  type PeerChange,
  writeBlocked,
  writePeerFields,
} from './peer-change.ts';
import { addDocument, endDocument, type NewDocument } from './peer-document.ts';
import { setPeerLimit } from './peer-health.ts';
import { readProposedDocument, readProposedFields } from './proposed-change.ts';
import { differences, opensNothing, type PeerFields, type Registration } from './registration.ts';

type Needs = Pick<Deps, 'database' | 'clock' | 'config'>;
export type By = { kind: 'staff' | 'command'; name: string; requestId?: string; dev?: boolean };
type Refusal = 'not-found' | 'taken' | 'same-person' | 'no-change' | 'stale' | 'incomplete' | 'not-now';
export type Done = 'ok' | 'proposed' | Refusal;

/** Letters of a reason. */
const MOST_REASON = 1000;

/** A name as a person says it, without the account of the operating system that commands put behind it. */
const said = (name: string): string => name.replace(/ \([^()]*\)$/, '');
/** One person under another account is no second one. */
const isSame = (a: string, b: string): boolean => said(a) === said(b);

export const needsSecondPerson = (config: Needs['config']): boolean => config.peerDualApproval && !config.sandbox;

/** What people may write of a record. */
export const fieldsOf = (p: Peer): PeerFields => ({
  name: p.name,
  npi: p.npi,
  postalAddress: p.postalAddress,
  fhirBase: p.fhirBase,
  clientIdThere: p.clientIdThere,
  clientIdHere: p.clientIdHere,
  jwksUrl: p.jwksUrl,
  jwks: p.jwks,
  scopes: p.scopes,
  fileOrigins: p.fileOrigins,
  groupThere: p.groupThere,
  sendsAll: p.sendsAll,
  audience: p.audience,
  discoveryUrl: p.discoveryUrl,
});

/** A row of its history, and of the audit. */
export async function record(
  tx: Queryable,
  by: By,
  at: Date,
  c: { peerId: string; action: string; what: string; before?: object; after?: object; state?: PeerChange['state'] },
): Promise<void> {
  await addPeerChange(tx, {
    peerId: c.peerId,
    what: c.what,
    before: { ...c.before },
    after: { ...c.after },
    byKind: by.kind,
    by: by.name,
    at,
    state: c.state ?? 'applied',
  });
  await audit(tx, by, at, c.peerId, c.action, { fields: Object.keys(c.after ?? {}) });
}

async function audit(tx: Queryable, by: By, at: Date, peerId: string, action: string, detail: object): Promise<void> {
  await writeAudit(tx, [
    auditRow({
      at,
      actorKind: by.kind,
      actor: by.name,
      action,
      object: `peer/${peerId}`,
      peerId,
      requestId: by.requestId ?? '',
      detail: { ...detail, ...(by.dev ? { dev: true } : {}) },
    }),
  ]);
}

/** Adds a peer, which waits for approval. */
export async function registerPeer(deps: Needs, id: string, fields: Registration, by: By): Promise<Done> {
  const at = deps.clock();
  const present = Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== null)) as Partial<PeerFields>;
  return await deps.database.sql.begin(async (tx) => {
    if (!(await addPeer(tx, { ...present, id, name: fields.name }, by.name, at))) return 'taken' as const;
    await record(tx, by, at, { peerId: id, action: 'peer-added', what: 'registration', after: present });
    await linkOtherCoverage(tx, { id, npi: fields.npi, name: fields.name }, at);
    return 'ok' as const;
  });
}

/** May this state follow that one? A closed peer stays closed: its client id is never given to another. */
const FOLLOWS: Readonly<Record<PeerState, readonly PeerState[]>> = {
  pending: ['active', 'closed'],
  active: ['suspended', 'closed'],
  suspended: ['active', 'closed'],
  closed: [],
};

/** May this person make a peer active, as it is? No one approves what they added or changed. */
export async function mayApprove(
  sql: Queryable,
  config: Needs['config'],
  peer: Pick<Peer, 'id' | 'approvedBy' | 'addedBy'>,
  person: string,
): Promise<boolean> {
  if (!needsSecondPerson(config)) return true;
  const isOwn = peer.approvedBy === null && isSame(peer.addedBy, person);
  return !isOwn && !(await changedBy(sql, peer.id)).some((name) => isSame(name, person));
}

/**
 * Moves a peer to another state, at once: tokens given before are void, and unless it becomes active all that it has
 * asked for ends. Making it active needs another person than the one who added, changed or suspended it since.
 */
export async function movePeer(deps: Needs, id: string, state: PeerState, by: By, why = ''): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const peer = await holdPeer(tx, id);
    if (!peer) return 'not-found';
    if (!FOLLOWS[peer.state].includes(state)) return 'not-now';
    if (state === 'active' && !(await mayApprove(tx, deps.config, peer, by.name))) return 'same-person';
    if (!(await setPeerState(tx, id, state, by.name, at))) return 'not-now';
    if (state !== 'active') await revokeOfPeer(tx, id, at);
    const action = state === 'active' ? 'peer-approved' : `peer-${state}`;
    const reason = why.trim().slice(0, MOST_REASON);
    const after = { state, ...(reason === '' ? {} : { reason }) };
    await record(tx, by, at, { peerId: id, action, what: 'state', before: { state: peer.state }, after });
    return 'ok';
  });
}

/**
 * Changes what people may write. Of an active peer it waits for a second person; until then nothing changes. What opens nothing (its postal
 * address) is in force at once, and tokens stay good.
 */
export async function changePeer(deps: Needs, id: string, wanted: Registration, by: By): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const peer = await holdPeer(tx, id);
    if (!peer || peer.state === 'closed') return peer ? 'not-now' : 'not-found';
    const { before, after } = differences(fieldsOf(peer), { ...fieldsOf(peer), ...wanted });
    if (Object.keys(after).length === 0) return 'no-change';
    const waits = needsSecondPerson(deps.config) && peer.state !== 'pending' && !opensNothing(after);
    if (!waits && !(await writeRecord(tx, peer, after, at))) return 'taken';
    const what = { peerId: id, what: 'record', before, after };
    await record(tx, by, at, {
      ...what,
      action: waits ? 'peer-change-proposed' : 'peer-changed',
      state: waits ? 'proposed' : 'applied',
    });
    return waits ? 'proposed' : 'ok';
  });
}

/** Puts a proposed change in force, or rejects it. What it was made from must still be so. */
export async function decidePeerChange(
  deps: Needs,
  id: string,
  changeId: string,
  accept: boolean,
  by: By,
): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const change = await findChange(tx, id, changeId);
    const peer = await holdPeer(tx, id);
    if (!change || !peer) return 'not-found';
    if (change.state !== 'proposed') return 'not-now';
    if (accept && isSame(change.by, by.name)) return 'same-person';
    const isDocument = change.what === 'document';
    if (accept) {
      const refused = await (isDocument ? documentOf(tx, peer, change, at) : putInForce(tx, peer, change, at));
      if (refused !== undefined) return refused;
    }
    await decideChange(tx, changeId, accept ? 'applied' : 'rejected', by.name, at);
    const detail = { change: changeId, fields: Object.keys(change.after) };
    const done = isDocument ? 'peer-document-added' : 'peer-changed';
    await audit(tx, by, at, id, accept ? done : 'peer-change-rejected', detail);
    return 'ok';
  });
}

/** Writes a proposed change of a record. @returns why it cannot be */
async function putInForce(tx: Queryable, peer: Peer, change: PeerChange, at: Date): Promise<Refusal | undefined> {
  const fields = readProposedFields(change.before, change.after);
  if (fields === undefined) return 'incomplete';
  const now = differences(fieldsOf(peer), { ...fieldsOf(peer), ...fields.before });
  if (Object.keys(now.after).length > 0 || peer.state === 'closed') return 'stale';
  return (await writeRecord(tx, peer, fields.after, at)) ? undefined : 'taken';
}

/** Who named the payer as it is called from now on named this one. */
async function writeRecord(tx: Queryable, peer: Peer, fields: Partial<PeerFields>, at: Date): Promise<boolean> {
  if (!(await writePeerFields(tx, peer.id, fields))) return false;
  const { npi = peer.npi, name } = fields;
  if (npi !== peer.npi || (name ?? peer.name) !== peer.name)
    await linkOtherCoverage(tx, { id: peer.id, npi, name: name ?? peer.name }, at);
  return true;
}

/** Notes a proposed document, in the name of who proposed it. @returns why it cannot be */
async function documentOf(
  tx: Queryable,
  peer: Peer,
  { after, by }: PeerChange,
  at: Date,
): Promise<Refusal | undefined> {
  const document = readProposedDocument(after);
  if (document === undefined) return 'incomplete';
  if (peer.state === 'closed') return 'stale';
  await addDocument(tx, { ...document, peerId: peer.id }, by, at);
  return undefined;
}

/** Sets a limit of the peer's own, or takes it away. In force at once: a limit gives no one anything. */
export async function limitPeer(
  deps: Needs,
  id: string,
  name: LimitName,
  value: number | undefined,
  by: By,
): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const peer = await holdPeer(tx, id);
    if (!peer) return 'not-found';
    if (!isLimitName(name) || peer.limits[name] === value) return 'no-change';
    await setPeerLimit(tx, id, name, value);
    const before = { [name]: peer.limits[name] ?? null };
    await record(tx, by, at, {
      peerId: id,
      action: 'peer-limited',
      what: 'limits',
      before,
      after: { [name]: value ?? null },
    });
    return 'ok';
  });
}

/** Blocks one key of a peer, or lets it in again: in force at once, and tokens given before are void. */
export async function blockKey(deps: Needs, id: string, kid: string, blocked: boolean, by: By): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const peer = await holdPeer(tx, id);
    if (!peer) return 'not-found';
    if (kid === '' || kid.length > 256 || peer.blockedKids.includes(kid) === blocked) return 'no-change';
    // opening again what someone has closed is as risky as an approval
    if (!blocked && needsSecondPerson(deps.config)) return 'same-person';
    const kids = blocked ? [...peer.blockedKids, kid] : peer.blockedKids.filter((k) => k !== kid);
    await writeBlocked(tx, id, kids);
    await record(tx, by, at, {
      peerId: id,
      action: blocked ? 'peer-key-blocked' : 'peer-key-unblocked',
      what: 'blocked-keys',
      before: { kids: peer.blockedKids },
      after: { kids },
    });
    return 'ok';
  });
}

/**
 * Notes what the trust in a peer rests on. A standing attestation stands for that of each member: it opens as much as a change of the
 * record does, and of an active peer it waits for a second person like one.
 */
export async function addTrustDocument(deps: Needs, document: NewDocument, by: By): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const peer = await holdPeer(tx, document.peerId);
    if (!peer || peer.state === 'closed') return peer ? 'not-now' : 'not-found';
    const { peerId, ...after } = document;
    const waits = document.kind === 'attestation' && needsSecondPerson(deps.config) && peer.state !== 'pending';
    if (!waits) await addDocument(tx, document, by.name, at);
    await record(tx, by, at, {
      peerId,
      action: waits ? 'peer-document-proposed' : 'peer-document-added',
      what: 'document',
      after,
      state: waits ? 'proposed' : 'applied',
    });
    return waits ? 'proposed' : 'ok';
  });
}

export async function endTrustDocument(deps: Needs, id: string, documentId: string, by: By): Promise<Done> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx): Promise<Done> => {
    const title = await endDocument(tx, id, documentId, by.name, at);
    if (title === undefined) return 'not-found';
    await record(tx, by, at, {
      peerId: id,
      action: 'peer-document-ended',
      what: 'document',
      before: { title },
      after: { ended: true },
    });
    return 'ok';
  });
}

// An item with everything that a person needs to decide it: both records in words and as text, their origins, the rule, and
// what was decided before.

import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { referencesIn } from '../../src/fhir/json-text.ts';
import { prettyJson } from '../../src/fhir/pretty-json.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { memberKeys } from '../members/member-key.ts';
import { nameOfShared } from '../members/member-page-data.ts';
import { findPeer } from '../peers/peer.ts';
import { listPeerNames } from '../peers/peer-names.ts';
import { isShared } from '../records/facts/record-types.ts';
import { type NameOf, type PlainRecord, plainRecord } from '../records/plain-record.ts';
import { findLine, provenanceOf } from '../requester/report/line-rows.ts';
import { type Origin, readOrigin, receivedLine } from '../requester/report/record.ts';
import { type Alike, countByPull, openAll } from './decide-all-rows.ts';
import { isKept } from './kept.ts';
import { OF_TWO_MEMBERS } from './kinds.ts';
import { dueRelease } from './release-due.ts';
import {
  countItems,
  type Decision,
  decisionsOf,
  directoryNames,
  findItem,
  type Item,
  type ItemFilter,
  type ItemPlace,
  isReleasedElsewhere,
  itemTexts,
  knownOf,
  listItems,
  memberRecord,
  type OtherClaim,
  otherClaims,
  type StoredRecord,
} from './review-rows.ts';

export type { Item, ItemFilter, ItemPlace };

type Copy = {
  plain: PlainRecord;
  text: string;
  origin: string;
  /** as it is called beside the other one */
  name: string;
  id: string;
  version: number;
  isHidden: boolean;
  origins: Origin[];
};
export type ItemReport = {
  item: Item;
  memberKey: string | null;
  peerName: string;
  /** ours, or the one that was there first */
  first: Copy | undefined;
  /** the other payer's, or the one that came */
  second: Copy | undefined;
  /** of a record in quarantine: the line as it came */
  received: { text: string } | { fault: string } | undefined;
  /** of a claim that is held for other claims: those */
  others: OtherClaim[];
  /** of a record that may be another person's: the other member of whom it is known here */
  former: { id: string; key: string } | undefined;
  /** open, and released from another check */
  isReleasedElsewhere: boolean;
  decisions: Decision[];
  /** open, and to be decided after this one: of its kind, else the heaviest */
  next: Pick<Item, 'id' | 'kind'> | undefined;
  /** the last of them is not carried out yet; `isKept`: the file that it has to read is there */
  due: { isUndo: boolean; isKept: boolean } | undefined;
};

/** Ids there of the claims that the words of a held claim name (records/stray-claims.ts). An id has no blanks. */
const namedClaims = (detail: string): string[] => [
  ...new Set([...detail.matchAll(/\bclaim (\S+) of another member/g)].flatMap((m) => m[1] ?? [])),
];

type Needs = Pick<Deps, 'database' | 'keys' | 'blobs'>;

/** Of whom a record is known that comes as another member's. */
async function formerOf(sql: Queryable, item: Item): Promise<string | undefined> {
  const { kind, pullId, file, line, entry } = item;
  if (kind !== 'patient-change' || pullId === null || file === null || line === null) return undefined;
  const found = await findLine(sql, pullId, { file, line, entry: entry ?? 0 });
  const id = found?.sourceId == null ? undefined : await knownOf(sql, item.peerId, item.type, found.sourceId);
  return id === item.memberId ? undefined : id;
}

/** Names for the directory references of some texts. */
async function namesFor(deps: Pick<Deps, 'database'>, texts: readonly string[]): Promise<NameOf> {
  const keys = new Set(texts.flatMap(referencesIn).filter((r) => isShared(r.slice(0, Math.max(0, r.indexOf('/'))))));
  const bodies = await directoryNames(deps.database.sql, [...keys]);
  const names = new Map([...bodies].map(([key, body]) => [key, nameOfShared(body)]));
  return (key) => names.get(key);
}

async function copyOf(
  deps: Needs,
  memberId: string,
  r: StoredRecord,
  nameOf: NameOf,
  peerName: (id: string) => string,
  name?: string,
): Promise<Copy> {
  const origin = r.origin === 'own' ? 'ours' : peerName(r.origin);
  const provenance = await provenanceOf(deps.database.sql, memberId, `${r.type}/${r.id}`);
  return {
    plain: plainRecord(JSON.parse(r.body) as Resource, nameOf),
    text: prettyJson(r.body),
    origin,
    name: name ?? (r.origin === 'own' ? 'Ours' : `From ${origin}`),
    id: r.id,
    version: r.version,
    isHidden: r.deleted,
    origins: provenance.map((p) => readOrigin(p, origin)),
  };
}

/** The one after it of its kind, else the first of its kind, else the first of all. */
async function nextOf(sql: Queryable, item: Item): Promise<Item | undefined> {
  const { kind, weight, openedAt: at, id } = item;
  for (const [filter, after] of [
    [{ kind }, { weight, at, id }],
    [{ kind }, undefined],
    [{}, undefined],
  ] as const) {
    const found = await listItems(sql, { state: 'open', ...filter }, 2, after);
    const next = found.find((i) => i.id !== id);
    if (next) return next;
  }
  return undefined;
}

export async function itemReport(deps: Needs, id: string): Promise<ItemReport | undefined> {
  const { sql } = deps.database;
  const item = /^[0-9a-f]{32}$/.test(id) ? await findItem(sql, id) : undefined;
  if (!item) return undefined;
  const { memberId } = item;
  const peers = new Map<string, string>();
  const record = async (type: string | null, recordId: string | null) =>
    memberId === null || type === null || recordId === null
      ? undefined
      : memberRecord(sql, OF_TWO_MEMBERS.includes(item.kind) ? recordId : memberId, type, recordId);
  const [a, b] = [await record(item.aType, item.aId), await record(item.bType, item.bId)];
  for (const peerId of new Set([item.peerId, a?.origin, b?.origin].filter((o) => o !== undefined && o !== 'own')))
    peers.set(peerId ?? '', (await findPeer(sql, peerId ?? ''))?.name ?? peerId ?? '');
  const peerName = (peerId: string) => peers.get(peerId) ?? peerId;
  const nameOf = await namesFor(deps, [a?.body ?? '', b?.body ?? '']);
  const ofTwo = OF_TWO_MEMBERS.includes(item.kind);
  const keyOf = await memberKeys(deps);
  // ours stands first, whichever came first
  const [x, y] = b?.origin === 'own' && !ofTwo ? [b, a] : [a, b];
  const copy = async (r: StoredRecord | undefined) =>
    r && memberId !== null
      ? copyOf(deps, ofTwo ? r.id : memberId, r, nameOf, peerName, ofTwo ? `Member ${keyOf(r.id)}` : undefined)
      : undefined;
  const due = await dueRelease(sql, item.id);
  const former = await formerOf(sql, item);
  const isHeld = item.aId === null && item.bId === null;
  const raw =
    isHeld && item.pullId !== null && item.file !== null && item.line !== null
      ? await receivedLine(deps, item.pullId, { file: item.file, line: item.line, entry: item.entry ?? 0 })
      : undefined;
  return {
    item,
    memberKey: memberId === null ? null : keyOf(memberId),
    peerName: peerName(item.peerId),
    first: await copy(x),
    second: await copy(y),
    received: raw,
    others: item.kind === 'patient-change' ? await otherClaims(sql, item.peerId, namedClaims(item.detail)) : [],
    former: former === undefined ? undefined : { id: former, key: keyOf(former) },
    isReleasedElsewhere: await isReleasedElsewhere(sql, item.id),
    decisions: await decisionsOf(sql, item.id),
    next: await nextOf(sql, item),
    due: due && { ...due, isKept: await isKept(deps, sql, item) },
  };
}

export async function items(
  deps: Pick<Deps, 'database' | 'keys'>,
  filter: ItemFilter,
  limit: number,
  after?: ItemPlace,
): Promise<{
  rows: (Item & { memberKey: string | null; peerName: string; what: string })[];
  counts: Awaited<ReturnType<typeof countItems>>;
}> {
  const { sql } = deps.database;
  const keyOf = await memberKeys(deps);
  const names = await listPeerNames(sql);
  const rows = await listItems(sql, filter, limit, after);
  const bodies = await itemTexts(
    sql,
    rows.map((i) => i.id),
  );
  const what = (body: string | undefined) =>
    body === undefined ? '' : plainRecord(JSON.parse(body) as Resource, () => undefined).what;
  return {
    rows: rows.map((i) => ({
      ...i,
      memberKey: i.memberId === null ? null : keyOf(i.memberId),
      peerName: names.get(i.peerId) ?? i.peerId,
      what: i.type === 'Patient' ? '' : what(bodies.get(i.id)),
    })),
    counts: await countItems(sql),
  };
}

/** Open items of one kind, payer and pull; `pullId` null: of none. */
export type ItemsOfPull = Awaited<ReturnType<typeof countByPull>>[number] & { peerName: string };
const MOST_PULLS = 100;

/** How many items are open of a kind, by payer and pull, the most first; and what is being decided alike. */
export async function itemGroups(
  deps: Pick<Deps, 'database'>,
  kind: string | undefined,
): Promise<{ pulls: ItemsOfPull[]; alike: (Alike & { peerName: string })[] }> {
  const { sql } = deps.database;
  const names = await listPeerNames(sql);
  const named = <T extends { peerId: string }>(row: T) => ({ ...row, peerName: names.get(row.peerId) ?? row.peerId });
  return {
    pulls: kind === undefined ? [] : (await countByPull(sql, kind, MOST_PULLS)).map(named),
    alike: (await openAll(sql)).map(named),
  };
}

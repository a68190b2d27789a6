// The merged record of a member as a readable timeline: one entry a thing, newest first, with where each copy came from.

import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { nameOfShared, personOf } from '../../members/member-page-data.ts';
import { listPeerNames } from '../../peers/peer-names.ts';
import type { Chain } from '../../reconcile/chain/claims.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { type AttachmentLine, attachmentsOf } from '../attachment.ts';
import { chainsNaming } from '../chain.ts';
import { isShared } from '../facts/record-types.ts';
import { shownDay } from '../facts/shown-day.ts';
import { kindWords, type PlainRecord, plainRecord } from '../plain-record.ts';
import type { Hidden } from './fold.ts';
import { entriesOf, foldedOf, hiddenCounts, keyOf, type Merged } from './folded.ts';
import {
  type DayFilter,
  type DayPlace,
  type MergedCount,
  type MergedRow,
  mergedCounts,
  mergedOf,
  noteDays,
  placesAfter,
  receivedPlaces,
  sharedTexts,
  withoutDay,
} from './member-rows.ts';

export type { DayPlace };

type Source = {
  id: string;
  /** `ours`, or the other payer's name */
  from: string;
  isOurs: boolean;
  /** the received line; undefined for our own */
  place: { pullId: string; file: number; line: number; entry: number } | undefined;
};
export type Entry = {
  key: string;
  type: string;
  plain: PlainRecord;
  isSensitive: boolean;
  sources: Source[];
  notes: string[];
  /** open items that this entry is part of */
  items: string[];
  /** documents that its records give by address */
  attachments: AttachmentLine[];
};
/** What of a timeline is asked for. `kind`: in words, as {@link Timeline.kinds} gives them. */
export type Asked = { withSensitive: boolean; kind: string | undefined; after: DayPlace | undefined; count: number };

/** A page of it, newest first. */
export type Timeline = {
  memberId: string;
  person: { name: string; birthDate: string | null };
  entries: Entry[];
  /** after which the next page begins; undefined on the last one */
  next: DayPlace | undefined;
  /** entries of all pages */
  total: number;
  /** sensitive ones among all entries of the member, whatever is asked for */
  sensitive: number;
  /** kinds of entries that there are to choose from, and the chosen one if it is among them */
  kinds: readonly string[];
  kind: string | undefined;
  /** how many records are kept and not shown, by why */
  hidden: Record<Hidden, number>;
  /** how many copies stand behind others */
  folded: number;
  choice: string | undefined;
};

type Needs = Pick<Deps, 'database' | 'config' | 'clock'>;

const STATE_WORDS: Readonly<Record<Chain['state'], string>> = {
  final: 'The version that counts.',
  void: 'Taken back: cancelled, and no version replaces it.',
  open: 'A version that replaces it has not come yet.',
  undecided: 'Its versions do not fit together; none counts until somebody decides.',
};

/** Versions of a claim that are named beside each. */
const MOST_VERSIONS = 20;

function chainNotes(chain: Chain, key: string, today: string, row: Pick<MergedRow, 'paEnd' | 'origin'>): string[] {
  const { paEnd } = row;
  if (chain.kind === 'authorization') {
    const { state, history, units } = chain.facts as {
      state?: string;
      history?: { code: string; when: string }[];
      units?: { allowed: number; left: number };
    };
    const ended = paEnd !== null && paEnd < today && state === 'approved';
    return [
      `${row.origin === 'own' ? 'Our authorization' : 'Authorization of the other payer'}, ${ended ? 'expired' : (state ?? 'pended')}${paEnd === null || paEnd.startsWith('9999') ? '' : `, until ${paEnd}`}.${row.origin === 'own' ? '' : ' It is no authorization of our plan.'}`,
      ...(history && history.length > 1
        ? [`Decisions: ${history.map((h) => `${h.code} ${h.when.slice(0, 10)}`).join(', ')}.`]
        : []),
      ...(units === undefined ? [] : [`${units.left} of ${units.allowed} units are left.`]),
    ];
  }
  const mine = chain.nodes.find((n) => n.ids.includes(key.slice(key.indexOf('/') + 1)));
  const named = chain.nodes
    .slice(0, MOST_VERSIONS + 1)
    .filter((n) => n !== mine)
    .map((n) => n.number)
    .slice(0, MOST_VERSIONS);
  const more = chain.nodes.length - 1 - named.length;
  const others = more > 0 ? [...named, `and ${more} more`] : named;
  const odd = [...new Set(chain.anomalies.map((a) => a.code))];
  return [
    `${STATE_WORDS[chain.state]}${others.length > 0 ? ` Number ${mine?.number ?? ''}; other versions: ${others.join(', ')}.` : ''}`,
    ...(odd.length > 0 ? [`Does not fit: ${odd.join(', ')}.`] : []),
  ];
}

async function namesOf(
  deps: Pick<Deps, 'database'>,
  keys: ReadonlySet<string>,
): Promise<(key: string) => string | undefined> {
  const names = new Map<string, string | undefined>();
  for await (const page of sharedTexts(deps.database, [...keys]))
    for (const { key, body } of page) names.set(key, nameOfShared(body));
  return (key) => names.get(key);
}

/** Rows of a page, and of records that are looked at to fill one. */
const READ = 500;

/** Days of records that an older program wrote: once for each. */
async function noteMissingDays(deps: Pick<Deps, 'database'>, memberId: string): Promise<void> {
  const { sql } = deps.database;
  for (;;) {
    const rows = await withoutDay(sql, memberId, READ);
    if (rows.length === 0) return;
    const days = rows.map(({ body, ...r }) => ({ ...r, day: shownDay(JSON.parse(body) as Resource) }));
    await beginAgain(sql, async (tx) => noteDays(tx, memberId, days));
  }
}

/** The first so many places of the timeline after one that stand for something. */
async function places(
  deps: Pick<Deps, 'database'>,
  memberId: string,
  merged: Merged,
  filter: DayFilter,
  after: DayPlace | undefined,
  count: number,
): Promise<DayPlace[]> {
  const found: DayPlace[] = [];
  for (let from = after; ; ) {
    const rows = await placesAfter(deps.database.sql, memberId, filter, from, READ);
    for (const row of rows) if (merged.standsFor(row) !== undefined && found.length < count) found.push(row);
    from = rows.at(-1);
    if (found.length === count || rows.length < READ) return found;
  }
}

/** A page of the timeline of a member; undefined when there is no such member. */
export async function timeline(deps: Needs, memberId: string, asked: Asked): Promise<Timeline | undefined> {
  const { sql } = deps.database;
  const merged = await foldedOf(deps, memberId);
  if (!merged) return undefined;
  await noteMissingDays(deps, memberId);
  const counts = await mergedCounts(sql, memberId);
  const all = entriesOf(merged, counts);
  const shown = asked.withSensitive ? all : all.filter((c) => !c.isSensitive);
  const kindOf = (c: MergedCount) => kindWords(c.type, c.isAuthorization);
  const kinds = [...new Set(shown.map(kindOf))].sort();
  const kind = kinds.find((k) => k === asked.kind);
  const chosen = shown.filter((c) => kind === undefined || kindOf(c) === kind);
  const sum = (of: readonly MergedCount[]) => of.reduce((n, c) => n + c.n, 0);
  const found = await places(
    deps,
    memberId,
    merged,
    {
      origins: [...new Set(chosen.map((c) => c.origin))],
      withSensitive: asked.withSensitive,
      kinds: kind === undefined ? undefined : chosen,
    },
    asked.after,
    asked.count + 1,
  );
  const page = found.slice(0, asked.count);
  return {
    memberId,
    person: personOf((await patientTexts(sql, [memberId])).get(memberId)),
    entries: await entriesAt(deps, memberId, merged, page),
    next: found.length > page.length ? page.at(-1) : undefined,
    total: sum(chosen),
    sensitive: sum(all.filter((c) => c.isSensitive)),
    kinds,
    kind,
    hidden: hiddenCounts(merged, counts),
    folded: merged.shownAs.size,
    choice: merged.choice,
  };
}

/** Entries at some places, in that order; what was taken back meanwhile is none. */
async function entriesAt(deps: Needs, memberId: string, merged: Merged, at: readonly DayPlace[]): Promise<Entry[]> {
  const { sql } = deps.database;
  const rows = new Map((await mergedOf(sql, memberId, at)).map((r) => [keyOf(r), r]));
  const groups = new Map([...rows].map(([key, row]) => [key, merged.standsFor(row) ?? [key]]));
  const members = [...groups.values()].flat().map((key) => {
    const slash = key.indexOf('/');
    return { type: key.slice(0, slash), id: key.slice(slash + 1) };
  });
  const lines = new Map((await receivedPlaces(sql, memberId, members)).map((p) => [keyOf(p), p]));
  const peers = await listPeerNames(sql);
  const originOf = new Map([...merged.keys, ...rows.values()].map((k) => [keyOf(k), k.origin]));
  const claims = members.filter((m) => m.type === 'ExplanationOfBenefit').map((m) => m.id);
  const chainOf = new Map<string, Chain>(
    (await chainsNaming(sql, memberId, claims)).flatMap((c) =>
      c.nodes.flatMap((n) => n.ids.map((id) => [`ExplanationOfBenefit/${id}`, c] as const)),
    ),
  );
  const attachments = new Map<string, AttachmentLine[]>();
  for (const a of await attachmentsOf(sql, memberId, members)) {
    const key = `${a.type}/${a.recordId}`;
    attachments.set(key, [...(attachments.get(key) ?? []), a]);
  }
  const openOf = new Map<string, string[]>();
  for (const i of merged.items)
    if (i.state === 'open')
      for (const id of [i.aId, i.bId])
        if (id !== null) openOf.set(`${i.type}/${id}`, [...(openOf.get(`${i.type}/${id}`) ?? []), i.id]);
  const source = (key: string): Source => {
    const origin = originOf.get(key) ?? 'own';
    return {
      id: key.slice(key.indexOf('/') + 1),
      from: origin === 'own' ? 'ours' : (peers.get(origin) ?? origin),
      isOurs: origin === 'own',
      place: lines.get(key),
    };
  };
  const shared = [...rows.values()].flatMap((r) => r.links ?? []).filter((k) => isShared(k.slice(0, k.indexOf('/'))));
  const nameOf = await namesOf(deps, new Set(shared));
  const today = localDay(deps.clock(), deps.config.timeZone);
  return at.flatMap((place) => {
    const key = keyOf(place);
    const [row, group = []] = [rows.get(key), groups.get(key)];
    if (row === undefined) return [];
    const chain = chainOf.get(key);
    return {
      key,
      type: row.type,
      plain: plainRecord(JSON.parse(row.body) as Resource, nameOf),
      isSensitive: (row.label ?? 1) > 0,
      sources: group.map(source),
      notes: chain ? chainNotes(chain, key, today, row) : [],
      items: [...new Set(group.flatMap((k) => openOf.get(k) ?? []))],
      attachments: group.flatMap((k) => attachments.get(k) ?? []),
    };
  });
}

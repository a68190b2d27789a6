// The merged record of a member as a readable timeline: one entry a thing, newest first, with where each copy came from.
import type { Deps } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { Chain } from '../chain/claims.ts';
import { localDay } from '../clocks/business-day.ts';
import { nameOfShared, personOf } from '../report/member/members.ts';
import { type PlainRecord, plainRecord } from '../report/plain-record.ts';
import { listPeerNames } from '../store/peers/peer-names.ts';
import { type AttachmentLine, attachmentsOf } from '../store/records/attachment.ts';
import { chainsOf } from '../store/records/chain.ts';
import {
  lastChoice,
  type MergedRow,
  mergedItems,
  mergedKeys,
  mergedLinks,
  mergedRows,
  receivedPlaces,
  sharedTexts,
} from '../store/report/merged.ts';
import { findMemberId } from '../store/report/report-disclosures.ts';
import { isShared } from '../transform/record-types.ts';
import { type Folded, fold, type Hidden } from './fold.ts';

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
export type Timeline = {
  memberId: string;
  person: { name: string; birthDate: string | null };
  entries: Entry[];
  /** how many records are kept and not shown, by why */
  hidden: Record<Hidden, number>;
  /** how many copies stand behind others */
  folded: number;
  choice: string | undefined;
};

type Needs = Pick<Deps, 'database' | 'config' | 'clock'>;

/** Everything that folding needs; undefined when there is no such member. */
export async function foldedOf(deps: Pick<Deps, 'database'>, memberId: string) {
  const { sql } = deps.database;
  if ((await findMemberId(sql, memberId)) !== memberId) return undefined;
  const [keys, links, chains, items, choice] = [
    await mergedKeys(sql, memberId),
    await mergedLinks(sql, memberId),
    await chainsOf(sql, [memberId]),
    await mergedItems(sql, memberId),
    await lastChoice(sql, memberId),
  ];
  return { keys, chains, items, choice, folded: fold(keys, links, chains, items, choice) };
}

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
  const names = new Map<string, string>();
  for await (const page of sharedTexts(deps.database, [...keys]))
    for (const { key, body } of page) names.set(key, nameOfShared(body));
  return (key) => names.get(key);
}

const counted = (folded: Folded): Record<Hidden, number> => {
  const n: Record<Hidden, number> = { 'preferred-away': 0, 'identity-doubt': 0, withdrawn: 0 };
  for (const why of folded.hidden.values()) n[why]++;
  return n;
};

/** The timeline of a member; undefined when there is no such member. */
export async function timeline(deps: Needs, memberId: string): Promise<Timeline | undefined> {
  const { sql } = deps.database;
  const found = await foldedOf(deps, memberId);
  if (!found) return undefined;
  const { folded, chains, items } = found;
  const today = localDay(deps.clock(), deps.config.timeZone);
  const places = new Map((await receivedPlaces(sql, memberId)).map((p) => [`${p.type}/${p.id}`, p]));
  const peers = await listPeerNames(sql);
  const originOf = new Map(found.keys.map((k) => [`${k.type}/${k.id}`, k.origin]));
  const chainOf = new Map<string, Chain>(
    chains.flatMap((c) => c.nodes.flatMap((n) => n.ids.map((id) => [`ExplanationOfBenefit/${id}`, c] as const))),
  );
  const attachments = new Map<string, AttachmentLine[]>();
  for (const a of await attachmentsOf(sql, memberId)) {
    const key = `${a.type}/${a.recordId}`;
    attachments.set(key, [...(attachments.get(key) ?? []), a]);
  }
  const openOf = new Map<string, string[]>();
  for (const i of items)
    if (i.state === 'open')
      for (const id of [i.aId, i.bId])
        if (id !== null) openOf.set(`${i.type}/${id}`, [...(openOf.get(`${i.type}/${id}`) ?? []), i.id]);
  const source = (key: string): Source => {
    const origin = originOf.get(key) ?? 'own';
    const id = key.slice(key.indexOf('/') + 1);
    return {
      id,
      from: origin === 'own' ? 'ours' : (peers.get(origin) ?? origin),
      isOurs: origin === 'own',
      place: places.get(key),
    };
  };
  const entries: Entry[] = [];
  let person: Timeline['person'] = { name: 'not known', birthDate: null };
  for await (const rows of mergedRows(deps.database, memberId)) {
    const nameOf = await namesOf(
      deps,
      new Set(rows.flatMap((r) => r.links ?? []).filter((k) => isShared(k.slice(0, k.indexOf('/'))))),
    );
    for (const row of rows) {
      const key = `${row.type}/${row.id}`;
      if (row.type === 'Patient' && row.id === memberId) person = personOf(row.body);
      const group = folded.groups.get(key);
      if (row.type === 'Provenance' || row.type === 'Patient' || !group) continue;
      const chain = chainOf.get(key);
      entries.push({
        key,
        type: row.type,
        plain: plainRecord(JSON.parse(row.body) as Resource, nameOf),
        isSensitive: (row.label ?? 1) > 0,
        sources: group.map(source),
        notes: chain ? chainNotes(chain, key, today, row) : [],
        items: [...new Set(group.flatMap((k) => openOf.get(k) ?? []))],
        attachments: group.flatMap((k) => attachments.get(k) ?? []),
      });
    }
  }
  entries.sort((a, b) =>
    (a.plain.day ?? '') < (b.plain.day ?? '')
      ? 1
      : (a.plain.day ?? '') > (b.plain.day ?? '')
        ? -1
        : a.key < b.key
          ? -1
          : 1,
  );
  return { memberId, person, entries, hidden: counted(folded), folded: folded.shownAs.size, choice: found.choice };
}

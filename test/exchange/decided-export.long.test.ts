// After each thing that people decide of what waits, and its end, the same is shown, read, exported and reported by an evidence pack.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evidenceRows, inSnapshot } from '../../exchange/compliance/evidence/evidence-rows.ts';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';
import { lab, output, PEER, puller } from './reconcile/reconcile-pull.ts';

const { rivera } = PEOPLE;
const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const ODD = { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] };
let node: TestNode;
let them: ExportClient;
let group: string;
let prior: Awaited<ReturnType<typeof puller>>;
let blobs: TestNode['deps'];

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera]);
  group = await them.group([card(rivera)]);
  const files = memory();
  blobs = { ...node.deps, blobs: files };
  prior = await puller(node.deps, files, 'regular', { p1: idOf(rivera) });
});
afterAll(() => node.close());

function memory() {
  const kept = new Map<string, Uint8Array>();
  const get = async (key: string) => {
    const found = kept.get(key);
    return (
      found &&
      (async function* () {
        yield found;
      })()
    );
  };
  return { ...node.deps.blobs, kept, get } as unknown as NonNullable<Parameters<typeof puller>[1]>;
}

const result = (value: number, more: object = {}) =>
  lab('r', { valueQuantity: { value }, meta: { lastUpdated: `2026-03-0${value}T00:00:00Z` }, ...more });
const tell = (value: number, more: object = {}) =>
  prior.pull([output('Observation', result(value, more))], { since: new Date() });
async function decide(decision: PersonDecision | 'undo'): Promise<void> {
  const [row] = await node.deps.database.sql<{ id: string }[]>`
    select id from exchange.review_item where id = md5(concat_ws('|', 'held', ${PEER}::text, 'Observation', 'r'))`;
  const itemId = row?.id ?? '';
  const mark = (await findItem(node.deps.database.sql, itemId))?.mark ?? '';
  expect(await decideItem(blobs, PERSON, { itemId, decision, reason: 'looked at it', mark }, 'r')).toBeUndefined();
}
const toldIn = (r: object) => (r as { valueQuantity?: { value: number } }).valueQuantity?.value ?? [];
let since: string | undefined;

/** What each tells of the result: its value, or nothing; the payer's next export, and what is in quarantine. */
async function told() {
  let text = '';
  for await (const piece of (await mergedBundle(node.deps, idOf(rivera), true)) ?? []) text += piece;
  const bundle = (t: string) => (JSON.parse(t) as { entry?: { resource: object }[] }).entry ?? [];
  const page = bundle(text).flatMap((e) => toldIn(e.resource));
  const all = await them.call(`/Patient/${idOf(rivera)}/$everything?_type=Observation`);
  const everything = ((all.json() as { entry?: { resource: object }[] }).entry ?? []).flatMap((e) =>
    toldIn(e.resource),
  );
  const of = async (more: string) => {
    const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, `_type=Observation${more}`));
    return {
      at: manifest.transactionTime,
      there: (await them.output(manifest)).flatMap(toldIn),
      gone: await them.deleted(manifest),
    };
  };
  const full = await of('');
  const next = since === undefined ? full : await of(`&_since=${since}`);
  since = full.at;
  const read = await them.call(`/Observation/${localId(PEER, 'Observation', 'r')}`);
  let held = 0;
  const span = { from: new Date('2020-01-01'), to: new Date(Date.now() + 1000), timeZone: 'UTC' };
  await inSnapshot(node.deps.database.sql, async (tx) => {
    for await (const rows of evidenceRows(tx, 'quarantine.jsonl', span)) held += rows.length;
  });
  return {
    page,
    everything,
    full: full.there,
    read: read.status === 200 ? [toldIn(read.json() as object)].flat() : [],
    next: next.there,
    gone: next.gone.length,
    held,
  };
}
const shows = (value: number | undefined, more: object) => {
  const v = value === undefined ? [] : [value];
  return { page: v, everything: v, full: v, read: v, ...more };
};

test('released, taken back, discarded, and followed by a version that nothing holds', async () => {
  await tell(1);
  expect(await told()).toEqual(shows(1, { next: [1], gone: 0, held: 0 }));
  await tell(2, ODD);
  expect(await told()).toEqual(shows(1, { next: [], gone: 0, held: 1 }));
  await decide('release');
  expect(await told()).toEqual(shows(2, { next: [2], gone: 0, held: 0 }));
  await decide('undo');
  expect(await told()).toEqual(shows(1, { next: [1], gone: 0, held: 1 }));
  await decide('discard');
  expect(await told()).toEqual(shows(1, { next: [], gone: 0, held: 1 }));
  await decide('undo');
  await decide('release');
  await decide('undo');
  await tell(3);
  expect(await told()).toEqual(shows(3, { next: [3], gone: 0, held: 0 }));
  await tell(4, ODD);
  await decide('discard');
  await tell(5);
  expect(await told()).toEqual(shows(5, { next: [5], gone: 0, held: 0 }));
});

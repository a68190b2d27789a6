// An authorization that was denied, and that another payer passes on as it was before: the last decision on an insurer's number counts, anyone who tells of
// it and in whatever order it comes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { unnamedOf } from '../../../exchange/responder/export/hidden-references.ts';
import { memberRows } from '../../../exchange/responder/search/member-read-rows.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { decided, preauthorization, supporting } from '../authorization-fixture.ts';
import { deletions, output, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('c', 'C', '9000000020', 'active', 'https://c.example/fhir', array['https://c.example'], 'test')`;
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' });
});
afterAll(() => node.close());

const INSURER = { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000106' } };
type Told = { number: string; code: string; day: string; asked?: string; changed?: string; more?: object };
const authorization = (id: string, { number, code, day, asked = '97110', changed = day, more = {} }: Told) => ({
  ...preauthorization(id, `${changed}T00:00:00Z`),
  identifier: [{ system: 'https://prior.example/pa', value: number }],
  insurer: INSURER,
  item: [
    {
      sequence: 1,
      productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: asked }] },
      adjudication: [decided(code, `${day}T00:00:00Z`)],
    },
  ],
  ...more,
});
const members: [string, string][] = [['p1', 'm1']];
/** From the insurer, and from another payer that had it from there. */
const tells = (...told: object[]) =>
  node.pull([output('ExplanationOfBenefit', ...told)], { members, since: new Date() });
const passes = (...files: RawFile[]) => node.pull(files, { members, since: new Date(), peer: 'c' });
const copy = (...told: object[]) => output('ExplanationOfBenefit', ...told);

const DAYS = { today: '2026-03-01', yearAgo: '2025-03-01', windowStart: '2021-03-01' };
/** Ids, as the payers have them, of what would leave. */
const leaving = async (): Promise<string[]> => {
  const types = ['DocumentReference', 'ExplanationOfBenefit'];
  const rows = await memberRows(node.sql, [{ memberId: 'm1', policy: 'regular' }], DAYS, { types, limit: 200 });
  const ids = await node.sql<{ id: string; source: string }[]>`select id, source_id as source from exchange.resource`;
  const sourceOf = new Map(ids.map((r) => [r.id, r.source]));
  return rows.map((r) => sourceOf.get(r.id) ?? r.id);
};
/** Does it leave, is it in the merged record, and what is known of its life? */
async function seen(id: string): Promise<[leaves: boolean, shown: boolean, state: unknown]> {
  const [row] = await node.sql<{ id: string; deleted: boolean }[]>`
    select id, deleted from exchange.resource where source_id = ${id} and type = 'ExplanationOfBenefit'`;
  const merged = await foldedOf(node.deps, 'm1');
  const [chain] = await node.sql`
    select facts ->> 'state' as state from exchange.chain where member_id = 'm1' and nodes @> ${JSON.stringify([{ ids: [row?.id] }])}::text::jsonb`;
  const isShown = row?.deleted === false && merged?.hidden.has(`ExplanationOfBenefit/${row.id}`) === false;
  return [(await leaving()).includes(id), isShown, chain?.['state'] ?? null];
}
const itemOf = async (source: string, kind: string) => {
  const [row] = await node.sql`
    select i.id from exchange.review_item i join exchange.ledger l using (pull_id, file, line) where l.source_id = ${source} and i.kind = ${kind}`;
  return String(row?.['id']);
};
async function decide(id: string, decision: PersonDecision | 'undo') {
  const item = await findItem(node.sql, id);
  const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
  return decideItem(node.deps, person, { itemId: id, decision, reason: 'looked at it', mark: item?.mark ?? '' }, 'r1');
}
const SEED = Number(process.env['SEED'] ?? 20261130);
const HIDDEN = [false, false, 'denied'];
const GRANTED = [true, true, 'approved'];

test('it is hidden whichever of the two comes first, and its documents and number with it', async () => {
  const letter = (id: string) => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    type: { text: id },
    subject: { reference: 'Patient/p1' },
    content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }],
  });
  const more = { supportingInfo: supporting(['DocumentReference/of-first']) };
  await passes(
    output('DocumentReference', letter('of-first')),
    copy(authorization('copy-first', { number: 'PA-1000001', code: 'A1', day: '2026-01-05', more })),
  );
  expect(await seen('copy-first')).toEqual(GRANTED);
  expect(await leaving()).toContain('of-first');
  await tells(authorization('denied-1', { number: 'PA-1000001', code: 'A3', day: '2026-01-10' }));
  expect(await seen('copy-first')).toEqual(HIDDEN);
  expect(await leaving()).not.toContain('of-first');
  expect((await unnamedOf(node.sql, ['m1'])).get('m1')?.numbers).toContain('PA-1000001');
  // peers who have it are reported by what moved
  const [row] = await node.sql`select moved_at from exchange.resource where source_id = 'copy-first'`;
  expect(row?.['moved_at']).not.toBeNull();

  await tells(authorization('denied-2', { number: 'PA-1000002', code: 'A3', day: '2026-01-10' }));
  await passes(copy(authorization('copy-late', { number: 'PA-1000002', code: 'A1', day: '2026-01-05' })));
  expect(await seen('copy-late')).toEqual(HIDDEN);
  // as often as it comes, and in another version of before
  await passes(copy(authorization('copy-late', { number: 'PA-1000002', code: 'A1', day: '2026-01-05' })));
  const again = { number: 'PA-1000002', code: 'A2', day: '2026-01-06', changed: '2026-02-01' };
  await passes(copy(authorization('copy-late', again)));
  expect(await seen('copy-late')).toEqual(HIDDEN);
});

test('a later grant brings it back, anyone who tells of it; an older denial changes nothing', async () => {
  await passes(copy(authorization('copy-3', { number: 'PA-1000003', code: 'A1', day: '2026-01-05' })));
  await tells(authorization('denied-3', { number: 'PA-1000003', code: 'A3', day: '2026-01-10' }));
  expect(await seen('copy-3')).toEqual(HIDDEN);
  await tells(authorization('denied-3', { number: 'PA-1000003', code: 'A1', day: '2026-01-20' }));
  expect(await seen('copy-3')).toEqual(GRANTED);
  await tells(authorization('denied-3', { number: 'PA-1000003', code: 'A3', day: '2026-01-10' }));
  expect(await seen('copy-3')).toEqual(GRANTED);

  await tells(authorization('denied-4', { number: 'PA-1000004', code: 'A3', day: '2026-01-10' }));
  await passes(copy(authorization('copy-4', { number: 'PA-1000004', code: 'A1', day: '2026-01-05' })));
  await passes(copy(authorization('copy-4', { number: 'PA-1000004', code: 'A1', day: '2026-01-15' })));
  expect(await seen('copy-4')).toEqual(GRANTED);
});

test('so does the end of the denial: its payer takes it back, or is another person’s', async () => {
  await passes(copy(authorization('copy-5', { number: 'PA-1000005', code: 'A1', day: '2026-01-05' })));
  await tells(authorization('denied-5', { number: 'PA-1000005', code: 'A3', day: '2026-01-10' }));
  expect(await seen('copy-5')).toEqual(HIDDEN);
  await node.pull([deletions('ExplanationOfBenefit/denied-5')], { members, since: new Date() });
  expect((await seen('copy-5')).slice(0, 2)).toEqual([true, true]);

  await passes(copy(authorization('copy-6', { number: 'PA-1000006', code: 'A1', day: '2026-01-05' })));
  await tells(authorization('denied-6', { number: 'PA-1000006', code: 'A3', day: '2026-01-10' }));
  expect(await seen('copy-6')).toEqual(HIDDEN);
  const other = { resourceType: 'Patient', id: 'p1', birthDate: '1971-01-01' };
  await node.pull([output('Patient', other)], { members, since: new Date() });
  expect((await seen('copy-6')).slice(0, 2)).toEqual([true, true]);
  const [doubt] = await node.sql`select id from exchange.review_item where kind = 'identity-doubt'`;
  expect(await decide(String(doubt?.['id']), 'keep-both')).toBeUndefined();
  expect((await seen('copy-6')).slice(0, 2)).toEqual([false, false]);
  expect(await decide(String(doubt?.['id']), 'undo')).toBeUndefined();
  expect((await seen('copy-6')).slice(0, 2)).toEqual([true, true]);
  const same = { resourceType: 'Patient', id: 'p1', birthDate: '1970-01-01' };
  await node.pull([output('Patient', same)], { members, since: new Date() });
  expect((await seen('copy-6')).slice(0, 2)).toEqual([false, false]);
});

test('a denial that a person released, or discarded, is one all the same', async () => {
  await passes(copy(authorization('copy-7', { number: 'PA-1000007', code: 'A1', day: '2026-01-05' })));
  await tells(authorization('denied-7', { number: 'PA-1000007', code: 'A3', day: '2026-01-10' }));
  const id = await itemOf('denied-7', 'denied-pa');
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await seen('denied-7')).toEqual([false, true, 'denied']);
  expect(await seen('copy-7')).toEqual(HIDDEN);
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await seen('copy-7')).toEqual(HIDDEN);
  expect(await decide(id, 'discard')).toBeUndefined();
  expect(await seen('copy-7')).toEqual(HIDDEN);
});

test('another insurer, another number and another service under one number are other authorizations', async () => {
  const elsewhere = { insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000205' } } };
  await passes(
    copy(
      authorization('other-insurer', { number: 'PA-1000008', code: 'A1', day: '2026-01-05', more: elsewhere }),
      authorization('other-number', { number: 'PA-1000009', code: 'A1', day: '2026-01-05' }),
      authorization('other-service', { number: 'PA-1000008', code: 'A1', day: '2026-01-05', asked: '72148' }),
    ),
  );
  await tells(authorization('denied-8', { number: 'PA-1000008', code: 'A3', day: '2026-01-10' }));
  const left = await leaving();
  expect(left).toEqual(expect.arrayContaining(['other-insurer', 'other-number', 'other-service']));
});

test('of decisions that do not say when they were made the one that was reported later counts', async () => {
  const untimed = (id: string, code: string, number: string, changed: string) => {
    const made = authorization(id, { number, code, day: '2026-01-01', changed });
    const [review] = decided(code, '').extension;
    return {
      ...made,
      item: made.item.map((i) => ({ ...i, adjudication: [{ ...decided(code, ''), extension: [review] }] })),
    };
  };
  await passes(
    copy(untimed('older', 'A1', 'PA-1000010', '2026-01-05'), untimed('newer', 'A1', 'PA-1000011', '2026-01-15')),
  );
  await tells(
    untimed('denied-10', 'A3', 'PA-1000010', '2026-01-10'),
    untimed('denied-11', 'A3', 'PA-1000011', '2026-01-10'),
  );
  expect((await seen('older')).slice(0, 2)).toEqual([false, false]);
  expect((await seen('newer')).slice(0, 2)).toEqual([true, true]);
});

test('our own denial hides a copy, and a denial that is held for something else as well', async () => {
  await passes(
    copy(
      authorization('copy-12', { number: 'PA-1000012', code: 'A1', day: '2026-01-05' }),
      authorization('copy-13', { number: 'PA-1000013', code: 'A1', day: '2026-01-05' }),
    ),
  );
  const ours = authorization('own-12', { number: 'PA-1000012', code: 'A3', day: '2026-01-10' });
  await node.own({ ...ours, patient: { reference: 'Patient/m1' } });
  expect(await seen('copy-12')).toEqual(HIDDEN);
  await node.own({
    ...authorization('own-12', { number: 'PA-1000012', code: 'A1', day: '2026-01-12' }),
    patient: { reference: 'Patient/m1' },
  });
  expect(await seen('copy-12')).toEqual(GRANTED);

  const modifierExtension = [{ url: 'https://prior.example/unknown', valueBoolean: true }];
  const { id } = await tells(
    authorization('denied-13', { number: 'PA-1000013', code: 'A3', day: '2026-01-10', more: { modifierExtension } }),
  );
  expect(await node.ledger(id)).toEqual(['quarantined modifier-extension ExplanationOfBenefit/denied-13']);
  expect(await seen('copy-13')).toEqual(HIDDEN);
});

test('a line that was denied since leaves no more in a copy from before, of a payer or of ours', async () => {
  const lines = (id: string, number: string, day: string, ...codes: [asked: string, code: string][]) => ({
    ...authorization(id, { number, code: 'A1', day }),
    item: codes.map(([asked, code], i) => ({
      sequence: i + 1,
      productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: asked }] },
      adjudication: [decided(code, `${day}T00:00:00Z`)],
    })),
  });
  const whole = (id: string, number: string) => lines(id, number, '2026-01-05', ['97110', 'A1'], ['72148', 'A1']);
  const partly = (id: string, number: string) => lines(id, number, '2026-01-10', ['97110', 'A1'], ['72148', 'A3']);
  await passes(copy(whole('copy-14', 'PA-1000014'), whole('copy-15', 'PA-1000015')));
  expect(await leaving()).toEqual(expect.arrayContaining(['copy-14', 'copy-15']));
  await tells(partly('partly-14', 'PA-1000014'));
  await node.own({ ...partly('own-15', 'PA-1000015'), patient: { reference: 'Patient/m1' } });
  const left = await leaving();
  expect(left).toEqual(expect.arrayContaining(['partly-14', 'own-15']));
  expect(left).not.toContain('copy-14');
  expect(left).not.toContain('copy-15');
  // the other one knows of it as well
  await passes(copy(partly('copy-14', 'PA-1000014')));
  expect(await leaving()).toContain('copy-14');
});

test('by chance: two payers and we tell of two services under one number; what leaves is what the last decision on each left', async () => {
  let state = SEED;
  const chance = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)] as T;
  const tellers = ['own', 'prior', 'c'] as const;
  const services = ['97110', '72148'] as const;
  type Now = { code: string; day: string; step: number };
  const now = new Map<string, Now>();
  const steps: string[] = [];
  for (let step = 0; step < 40; step++) {
    const [who, asked] = [pick(tellers), pick(services)];
    const id = `${who}-${asked}`;
    const isGone = now.has(id) && chance() < 0.2;
    const changed = `2026-02-01T00:00:${String(step).padStart(2, '0')}Z`;
    const told = { code: pick(['A1', 'A1', 'A3', 'A3', 'A2', 'A4']), day: `2026-01-${pick(['05', '06', '07', '08'])}` };
    steps.push(`${id} ${isGone ? 'gone' : `${told.code} ${told.day}`}`);
    const made = authorization(id, { number: 'PA-1000099', asked, ...told, more: { meta: { lastUpdated: changed } } });
    const key = `ExplanationOfBenefit/${id}`;
    if (who === 'own') await (isGone ? node.ownGone(key) : node.own({ ...made, patient: { reference: 'Patient/m1' } }));
    else
      await node.pull([isGone ? deletions(key) : copy(made)], {
        members,
        since: new Date(),
        ...(who === 'c' ? { peer: 'c' } : {}),
      });
    if (isGone) now.delete(id);
    // of ours the time is that of the import
    else now.set(id, { ...told, step: who === 'own' ? 1000 + step : step });
    const wanted = services.flatMap((s) => {
      const all = [...now]
        .filter(([k]) => k.endsWith(s))
        .sort(([, a], [, b]) => (a.day < b.day ? -1 : a.day > b.day ? 1 : a.step - b.step));
      return all.at(-1)?.[1].code === 'A3' ? [] : all.filter(([, n]) => n.code !== 'A3').map(([k]) => k);
    });
    const left = (await leaving()).filter((k) => services.some((s) => k.endsWith(`-${s}`)));
    expect([...left].sort(), steps.join(', ')).toEqual([...wanted].sort());
  }
});

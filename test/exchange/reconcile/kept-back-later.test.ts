// What a payer tells otherwise later: an authorization that is denied now, a record that is labelled now. The newer version is held, and the
// one that was taken in before must not go on to the next payer either, nor documents that came before the authorization that they support.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { memberRows } from '../../../exchange/responder/search/member-read-rows.ts';
import { decided, preauthorization, supporting } from '../authorization-fixture.ts';
import { lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' });
});
afterAll(() => node.close());

type Told = { day: string; documents?: string[]; more?: object };
const authorization = (id: string, code: string, { day, documents = [], more = {} }: Told) => ({
  ...preauthorization(id, `${day}T00:00:00Z`),
  ...(documents.length === 0 ? {} : { supportingInfo: supporting(documents.map((d) => `DocumentReference/${d}`)) }),
  item: [
    {
      sequence: 1,
      productOrService: { text: `imaging ${id}` },
      adjudication: [decided(code, `${day}T00:00:00Z`)],
    },
  ],
  ...more,
});
const letter = (id: string, related?: string) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  type: { text: id },
  subject: { reference: 'Patient/p1' },
  content: [{ attachment: { contentType: 'text/plain', data: Buffer.from(id).toString('base64') } }],
  ...(related === undefined ? {} : { context: { related: [{ reference: `ExplanationOfBenefit/${related}` }] } }),
});
const members: [string, string][] = [['p1', 'm1']];
const pull = (...files: ReturnType<typeof output>[]) => node.pull(files, { members, since: new Date() });

/** Ids, as the payer has them, of what would leave. */
const leaving = async (): Promise<string[]> => {
  const days = { today: '2026-02-01', yearAgo: '2025-02-01', windowStart: '2021-02-01' };
  const types = ['DocumentReference', 'ExplanationOfBenefit', 'Observation'];
  const rows = await memberRows(node.sql, [{ memberId: 'm1', policy: 'regular' }], days, { types, limit: 100 });
  const ids = await node.sql<{ id: string; source: string }[]>`
    select id, source_id as source from exchange.resource where origin = ${PEER}`;
  const sourceOf = new Map(ids.map((r) => [r.id, r.source]));
  return rows.map((r) => sourceOf.get(r.id) ?? r.id).sort();
};
const states = async (id: string) => {
  const [row] = await node.sql<{ state: string; deleted: boolean; versions: number }[]>`
    select i.state, r.deleted, (select count(*)::int from exchange.resource_version v where v.id = r.id) as versions
    from exchange.identity i join exchange.resource r on r.id = i.local_id and r.type = i.type where i.source_id = ${id}`;
  return row;
};

test('a document that names an authorization leaves no more when that one comes later and is denied', async () => {
  await pull(output('DocumentReference', letter('early', 'late'), letter('free')));
  expect(await leaving()).toEqual(['early', 'free']);
  const { id } = await pull(output('ExplanationOfBenefit', authorization('late', 'A3', { day: '2026-01-10' })));
  expect(await node.ledger(id)).toEqual(['quarantined denied-pa ExplanationOfBenefit/late']);
  expect(await leaving()).toEqual(['free']);
  // peers who have it are reported by what moved
  const [row] = await node.sql`
    select moved_at from exchange.resource where id = ${localId(PEER, 'DocumentReference', 'early')}`;
  expect(row?.['moved_at']).not.toBeNull();
});

test('an authorization that was granted and is denied now is withdrawn with its documents, and comes back when it is granted again', async () => {
  await pull(
    output('DocumentReference', letter('of-turned'), letter('names-turned', 'turned')),
    output('ExplanationOfBenefit', authorization('turned', 'A1', { day: '2026-01-05', documents: ['of-turned'] })),
  );
  expect(await leaving()).toEqual(['free', 'names-turned', 'of-turned', 'turned']);
  const { id } = await pull(output('ExplanationOfBenefit', authorization('turned', 'A3', { day: '2026-01-11' })));
  expect(await node.ledger(id)).toEqual(['quarantined denied-pa ExplanationOfBenefit/turned']);
  expect(await leaving()).toEqual(['free']);
  expect(await states('turned')).toEqual({ state: 'quarantined', deleted: true, versions: 1 });
  const [chain] = await node.sql`select count(*)::int as n from exchange.chain where member_id = 'm1'`;
  expect(chain?.['n']).toBe(0);
  await pull(
    output('ExplanationOfBenefit', authorization('turned', 'A1', { day: '2026-01-20', documents: ['of-turned'] })),
  );
  expect(await leaving()).toEqual(['free', 'names-turned', 'of-turned', 'turned']);
  expect(await states('turned')).toMatchObject({ state: 'visible', deleted: false });
});

test('an older version that comes late and was denied withdraws nothing', async () => {
  await pull(output('ExplanationOfBenefit', authorization('turned', 'A3', { day: '2026-01-12' })));
  expect(await leaving()).toContain('turned');
});

test('documents of a denied authorization stay also when it is held for something else', async () => {
  const broken = authorization('broken', 'A3', {
    day: '2026-01-10',
    documents: ['of-broken'],
    more: { modifierExtension: [{ url: 'https://prior.example/unknown', valueBoolean: true }] },
  });
  const { id } = await pull(
    output('DocumentReference', letter('of-broken'), letter('names-broken', 'broken')),
    output('ExplanationOfBenefit', broken),
  );
  expect(await node.ledger(id)).toContain('quarantined modifier-extension ExplanationOfBenefit/broken');
  const out = await leaving();
  expect(out).not.toContain('of-broken');
  expect(out).not.toContain('names-broken');
});

test('a record that is labelled now, beyond the consent, is withdrawn', async () => {
  const plain = { effectiveDateTime: '2026-01-05T08:00:00Z', meta: { lastUpdated: '2026-01-05T00:00:00Z' } };
  await pull(output('Observation', lab('turns', plain), lab('stays', plain)));
  expect(await leaving()).toEqual(expect.arrayContaining(['stays', 'turns']));
  const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }];
  const { id } = await pull(
    output('Observation', lab('turns', { ...plain, meta: { lastUpdated: '2026-01-06T00:00:00Z', security } })),
  );
  expect(await node.ledger(id)).toEqual(['quarantined consent-scope Observation/turns']);
  const out = await leaving();
  expect(out).toContain('stays');
  expect(out).not.toContain('turns');
});

test('of two versions in one answer the newer one counts, held or not, in whatever order they stand', async () => {
  const granted = (id: string, day: string) => authorization(id, 'A1', { day, documents: [`of-${id}`] });
  const denied = (id: string, day: string) => authorization(id, 'A3', { day });
  const { id } = await pull(
    output('DocumentReference', letter('of-twofold'), letter('of-turned-round'), letter('of-again')),
    output(
      'ExplanationOfBenefit',
      granted('twofold', '2026-01-05'),
      denied('twofold', '2026-01-11'),
      denied('turned-round', '2026-01-11'),
      granted('turned-round', '2026-01-05'),
      denied('again', '2026-01-05'),
      granted('again', '2026-01-11'),
    ),
  );
  expect((await node.ledger(id)).filter((l) => l.includes('Explanation'))).toEqual([
    'unchanged duplicate-in-job ExplanationOfBenefit/twofold',
    'quarantined denied-pa ExplanationOfBenefit/twofold',
    'quarantined denied-pa ExplanationOfBenefit/turned-round',
    'unchanged duplicate-in-job ExplanationOfBenefit/turned-round',
    'quarantined denied-pa ExplanationOfBenefit/again',
    'created ExplanationOfBenefit/again',
  ]);
  const out = await leaving();
  expect(out).toEqual(expect.arrayContaining(['again', 'of-again']));
  for (const gone of ['twofold', 'of-twofold', 'turned-round', 'of-turned-round']) expect(out).not.toContain(gone);
  // both versions are newer than what is here
  await pull(output('ExplanationOfBenefit', denied('again', '2026-01-12'), granted('again', '2026-01-13')));
  expect(await leaving()).toEqual(expect.arrayContaining(['again', 'of-again']));
  expect(await states('again')).toMatchObject({ state: 'visible', deleted: false });
  await pull(output('ExplanationOfBenefit', granted('again', '2026-01-14'), denied('again', '2026-01-15')));
  expect(await leaving()).not.toContain('again');
  expect(await states('again')).toMatchObject({ state: 'quarantined', deleted: true });
});

test('an older version brings back nothing of what is held as denied or labelled; a newer one does', async () => {
  const lastUpdated = (day: string) => `2026-01-${day}T00:00:00Z`;
  const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }];
  const seen = (day: string, more: object = {}) =>
    lab('seen', { effectiveDateTime: '2026-01-04T08:00:00Z', meta: { lastUpdated: lastUpdated(day), ...more } });
  await pull(
    output('Observation', seen('11', { security })),
    output('ExplanationOfBenefit', authorization('denied-first', 'A3', { day: '2026-01-11' })),
  );
  const { id } = await pull(
    output('Observation', seen('05')),
    output('ExplanationOfBenefit', authorization('denied-first', 'A1', { day: '2026-01-05' })),
  );
  expect(await node.ledger(id)).toEqual([
    'unchanged stale-version Observation/seen',
    'unchanged stale-version ExplanationOfBenefit/denied-first',
  ]);
  for (const held of ['seen', 'denied-first']) expect(await leaving()).not.toContain(held);
  await pull(
    output('Observation', seen('12')),
    output('ExplanationOfBenefit', authorization('denied-first', 'A1', { day: '2026-01-12' })),
  );
  expect(await leaving()).toEqual(expect.arrayContaining(['seen', 'denied-first']));
});

test('what is labelled now is hidden as it was, whichever check holds it', async () => {
  const at = (day: string, more: object = {}) => ({
    effectiveDateTime: '2026-01-05T09:00:00Z',
    meta: { lastUpdated: `2026-01-${day}T00:00:00Z`, ...more },
  });
  const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }];
  const modifierExtension = [{ url: 'https://prior.example/negates', valueBoolean: true }];
  await pull(output('Observation', lab('strange', at('05')), lab('told-after-no', at('05')), lab('plain', at('05'))));
  const strange = await pull(output('Observation', lab('strange', { ...at('11', { security }), modifierExtension })));
  expect(await node.ledger(strange.id)).toEqual(['quarantined modifier-extension Observation/strange']);
  expect(await leaving()).not.toContain('strange');

  const chose = (choice: string) => node.sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, given_at, source)
    values (${choice}, 'm1', ${choice}, 'regular', current_date, now(), 'test')`;
  const noted = await node.pull(
    [
      output(
        'Observation',
        lab('told-after-no', at('11', { security })),
        lab('plain', { ...at('11'), status: 'amended' }),
      ),
    ],
    { members, since: new Date(), meanwhile: async () => void (await chose('withdraw')) },
  );
  expect(await node.ledger(noted.id)).toEqual([
    'quarantined consent-withdrawn Observation/told-after-no',
    'quarantined consent-withdrawn Observation/plain',
  ]);
  await chose('opt-in');
  const out = await leaving();
  expect(out).toContain('plain');
  expect(out).not.toContain('told-after-no');
  // an older one brings nothing back
  const older = await pull(output('Observation', lab('strange', at('06')), lab('told-after-no', at('06'))));
  expect(await node.ledger(older.id)).toEqual([
    'unchanged stale-version Observation/strange',
    'unchanged stale-version Observation/told-after-no',
  ]);
  for (const held of ['strange', 'told-after-no']) expect(await leaving()).not.toContain(held);
});

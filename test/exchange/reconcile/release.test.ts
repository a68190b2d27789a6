import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepAlerts } from '../../../exchange/alerts/update-alerts.ts';
import { findAttachment } from '../../../exchange/records/attachment.ts';
import { decideAll, decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { finishReleases, RELEASE_MS } from '../../../exchange/review/release.ts';
import { dueRelease } from '../../../exchange/review/release-due.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { lab, output, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  const modified = (id: string) => lab(id, { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  await node.pull([output('Observation', modified('a'), modified('b'), lab('c'))]);
});
afterAll(() => node.close());

const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const itemOf = async (source: string) => {
  const [row] =
    await node.sql`select i.id from exchange.review_item i join exchange.ledger l using (pull_id, file, line) where l.source_id = ${source}`;
  return String(row?.['id']);
};
const heldItem = async (pull: string, source = 'moved') => {
  const [row] =
    await node.sql`select i.id from exchange.review_item i join exchange.ledger l using (pull_id, file, line) where i.pull_id = ${pull} and l.source_id = ${source} and i.kind = 'patient-change'`;
  return String(row?.['id']);
};
async function decide(id: string, decision: PersonDecision | 'undo') {
  const item = await findItem(node.sql, id);
  return decideItem(node.deps, person, { itemId: id, decision, reason: 'looked at it', mark: item?.mark ?? '' }, 'r1');
}
const visible = async () =>
  [
    ...(await node.sql`select source_id as s from exchange.resource where type = 'Observation' and not deleted order by 1`),
  ].map((r) => r['s']);

test('released, shown, taken back, hidden; the laws hold at each step', async () => {
  const id = await itemOf('a');
  expect(await visible()).toEqual(['c']);
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await visible()).toEqual(['a', 'c']);
  expect(await brokenLaws(node.sql)).toEqual({});
  expect((await findItem(node.sql, id))?.state).toBe('decided');
  const again = await node.pull(
    [output('Observation', lab('a', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] }))],
    { since: new Date() },
  );
  expect(await node.ledger(again.id)).toEqual(['unchanged Observation/a']);
  expect(await visible()).toEqual(['a', 'c']);
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await visible()).toEqual(['c']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('discarded: stays out, and is no longer open', async () => {
  const id = await itemOf('b');
  expect(await decide(id, 'discard')).toBeUndefined();
  expect(await visible()).toEqual(['c']);
  expect((await findItem(node.sql, id))?.state).toBe('decided');
  expect(await node.sql`select from exchange.unit_revision where cause = 'discard'`).toHaveLength(1);
});

test('a record about a contained person of another first name waits; released, it is the member’s', async () => {
  const subject = { reference: '#x' };
  const within = lab('renamed', {
    contained: [
      { resourceType: 'Patient', id: 'x', name: [{ family: 'Rivera', given: ['Quentin'] }] },
      { resourceType: 'Observation', id: 'w', status: 'final', code: { text: 'x' }, subject },
    ],
  });
  await node.sql`
    insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb, street, phone, email)
    select id, '{}', '{ana}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}' from exchange.member on conflict (member_id) do update set given = excluded.given`;
  const pulled = await node.pull([output('Observation', within)], { since: new Date() });
  expect(await node.ledger(pulled.id)).toEqual(['quarantined contained-person Observation/renamed']);
  expect(await visible()).not.toContain('renamed');
  const id = await itemOf('renamed');
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await visible()).toContain('renamed');
  const again = await node.pull([output('Observation', within)], { since: new Date() });
  expect(await node.ledger(again.id)).toEqual(['unchanged Observation/renamed']);
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await visible()).not.toContain('renamed');
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a document that was made about another Patient of the payer waits; about the member, or one of another server, it does not', async () => {
  const made = (id: string, reference: string) => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    subject: { reference: 'Patient/p1' },
    content: [{ attachment: { contentType: 'text/plain', data: 'eA==' } }],
    context: { sourcePatientInfo: { reference } },
  });
  const documents = output(
    'DocumentReference',
    made('member', 'Patient/p1'),
    made('elsewhere', 'https://clinic.example/fhir/Patient/77'),
    made('other', 'Patient/p2'),
    made('stranger', `${PEER_BASE}/Patient/p9`),
  );
  expect(await node.ledger((await node.pull([documents], { since: new Date() })).id)).toEqual([
    'created DocumentReference/member',
    'created DocumentReference/elsewhere',
    'quarantined contained-person DocumentReference/other',
    'quarantined contained-person DocumentReference/stranger',
  ]);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a record that is another member’s now is released to it, and taken back to the one before; the laws hold', async () => {
  const of = (patient: string, value: number) =>
    output(
      'Observation',
      lab('moved', {
        subject: { reference: `Patient/${patient}` },
        valueQuantity: { value },
        meta: { lastUpdated: `2026-03-0${value}T00:00:00Z` },
      }),
    );
  const whose = async () =>
    (
      await node.sql`select member_id as m, version as v, body::jsonb #>> '{valueQuantity,value}' as value from exchange.resource where source_id = 'moved' and not deleted`
    ).map((r) => `${r['m']} ${r['value']}`);
  await node.pull([of('p1', 1)], { since: new Date() });
  const held = await node.pull([of('p2', 2)], { since: new Date() });
  const id = await heldItem(held.id);
  expect(await whose()).toEqual(['m1 1']);
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await whose()).toEqual(['m2 2']);
  expect(await brokenLaws(node.sql)).toEqual({});
  const again = await node.pull([of('p2', 2)], { since: new Date() });
  expect(await node.ledger(again.id)).toEqual(['unchanged Observation/moved']);
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await whose()).toEqual(['m1 1']);
  expect(await brokenLaws(node.sql)).toEqual({});
  // and goes on as the one's that it is
  const next = await node.pull([of('p1', 3)], { since: new Date() });
  expect([await node.ledger(next.id), await whose()]).toEqual([['updated Observation/moved'], ['m1 3']]);
});

test('a document by address of a record that moves is the one’s that shows the record', async () => {
  const of = (patient: string, day: number) =>
    output('DiagnosticReport', {
      resourceType: 'DiagnosticReport',
      id: 'moving',
      meta: { lastUpdated: `2026-03-0${day}T00:00:00Z` },
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '24323-8' }] },
      subject: { reference: `Patient/${patient}` },
      presentedForm: [{ contentType: 'application/pdf', url: 'Binary/b1', hash: 'aGFzaA==' }],
    });
  const fetched = () =>
    node.sql`update exchange.attachment set state = 'kept', reason = null, sha256 = 'ff', bytes = 2, settled_at = now() where state = 'due'`;
  const holder = async () => {
    const [row] = await node.sql`select document_id as id from exchange.attachment limit 1`;
    return (await findAttachment(node.sql, String(row?.['id'])))?.memberId;
  };
  await node.pull([of('p1', 1)], { since: new Date() });
  await fetched();
  expect(await holder()).toBe('m1');
  const held = await node.pull([of('p2', 2)], { since: new Date() });
  const id = await heldItem(held.id, 'moving');
  expect(await decide(id, 'release')).toBeUndefined();
  await fetched();
  expect(await node.sql`select from exchange.attachment where state = 'kept'`).toHaveLength(2);
  expect(await holder()).toBe('m2');
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await holder()).toBe('m1');
});

test('a claim that names another person’s is released as the person’s whom it names; taken back it waits again', async () => {
  const claim = (source: string, patient: string, more: object = {}) => ({
    resourceType: 'ExplanationOfBenefit',
    id: source,
    status: 'active',
    use: 'claim',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
    patient: { reference: `Patient/${patient}` },
    identifier: [{ type: { coding: [{ code: 'uc' }] }, system: 'https://p.example', value: source }],
    created: '2026-01-01',
    insurer: { display: 'Prior' },
    provider: { display: 'A clinic' },
    outcome: 'complete',
    insurance: [{ focal: true, coverage: { display: 'x' } }],
    ...more,
  });
  const related = [
    { relationship: { coding: [{ code: 'prior' }] }, reference: { system: 'https://p.example', value: 'sv1' } },
  ];
  const held = await node.pull([output('ExplanationOfBenefit', claim('sv1', 'p1'), claim('sv2', 'p2', { related }))], {
    since: new Date(),
  });
  expect(await node.ledger(held.id)).toEqual(
    ['sv1', 'sv2'].map((c) => `quarantined patient-change ExplanationOfBenefit/${c}`),
  );
  const id = await heldItem(held.id, 'sv2');
  const shown = async () =>
    (
      await node.sql`select member_id as m, source_id as s from exchange.resource where type = 'ExplanationOfBenefit' and not deleted`
    ).map((r) => `${r['m']} ${r['s']}`);
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await shown()).toEqual(['m2 sv2']);
  const chains = async () =>
    (await node.sql`select member_id as m from exchange.chain where kind = 'claim'`).map((r) => r['m']);
  expect(await chains()).toEqual(['m2']);
  // when both come again, what was decided stays
  const again = await node.pull([output('ExplanationOfBenefit', claim('sv1', 'p1'), claim('sv2', 'p2', { related }))], {
    since: new Date(),
  });
  expect(await node.ledger(again.id)).toEqual([
    'quarantined patient-change ExplanationOfBenefit/sv1',
    'unchanged ExplanationOfBenefit/sv2',
  ]);
  expect(await decide(id, 'undo')).toBeUndefined();
  expect([await shown(), await chains(), await brokenLaws(node.sql)]).toEqual([[], [], {}]);
  // alone, too, it waits until someone decides
  const alone = await node.pull([output('ExplanationOfBenefit', claim('sv2', 'p2', { related }))], {
    since: new Date(),
  });
  expect(await node.ledger(alone.id)).toEqual(['quarantined patient-change ExplanationOfBenefit/sv2']);
});

test('taken back after the member withdrew, a record that moved is the one’s before all the same', async () => {
  const of = (patient: string, day: number) =>
    output(
      'Observation',
      lab('went', { subject: { reference: `Patient/${patient}` }, meta: { lastUpdated: `2026-03-0${day}T00:00:00Z` } }),
    );
  const whose = async () =>
    (await node.sql`select member_id as m from exchange.resource where source_id = 'went' and not deleted`).map(
      (r) => r['m'],
    );
  await node.pull([of('p1', 1)], { since: new Date() });
  const id = await heldItem((await node.pull([of('p2', 2)], { since: new Date() })).id, 'went');
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await whose()).toEqual(['m2']);
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('w', 'm2', 'withdraw', 'regular', '2026-02-01', 'test')`;
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await whose()).toEqual(['m1']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a record whose file is gone is neither released nor hidden again, and nothing is recorded', async () => {
  const modified = (id: string) => lab(id, { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  const { id: pull } = await node.pull([output('Observation', modified('lost'), modified('kept'))]);
  const item = async (source: string) => {
    const [row] = await node.sql`
      select i.id from exchange.review_item i join exchange.ledger l using (pull_id, file, line) where l.pull_id = ${pull} and l.source_id = ${source}`;
    return String(row?.['id']);
  };
  const [lost, kept] = [await item('lost'), await item('kept')];
  expect(await decide(kept, 'release')).toBeUndefined();
  const before = await visible();
  await node.deps.blobs.delete(`${pull}/0`);
  const decisions = async () =>
    (await node.sql`select from exchange.review_decision where item_id in (${lost}, ${kept})`).length;
  expect(await decide(lost, 'release')).toBe('not-kept');
  expect(await decide(kept, 'undo')).toBe('not-kept');
  expect(await decisions()).toBe(1);
  expect((await findItem(node.sql, lost))?.state).toBe('open');
  expect(await visible()).toEqual(before);
  // nothing has to be read to leave it out
  expect(await decide(lost, 'discard')).toBeUndefined();
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a process that dies between the decision and what follows leaves it to the next tick', async () => {
  const modified = lab('late', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  await node.pull([output('Observation', modified)], { since: new Date() });
  const id = await itemOf('late');
  const isShown = async () => (await visible()).includes('late');
  /** finds the file, and dies when it is to be read */
  const dying = () => {
    let reads = 0;
    const get: typeof node.deps.blobs.get = (key) => {
      if (reads++ > 0) throw new Error('died');
      return node.deps.blobs.get(key);
    };
    return {
      ...node.deps,
      blobs: new Proxy(node.deps.blobs, { get: (of, key) => (key === 'get' ? get : Reflect.get(of, key)) }),
    };
  };
  const decided = async (decision: PersonDecision | 'undo') => {
    const item = await findItem(node.sql, id);
    return decideItem(dying(), person, { itemId: id, decision, reason: 'looked at it', mark: item?.mark ?? '' }, 'r1');
  };
  const later = { ...node.deps, clock: () => new Date(node.deps.clock().getTime() + 2 * RELEASE_MS) };

  await expect(decided('release')).rejects.toThrow('died');
  expect((await findItem(node.sql, id))?.state).toBe('decided');
  await finishReleases(node.deps); // anyone who decided may be at it
  expect(await isShown()).toBe(false);
  await finishReleases(later);
  expect(await isShown()).toBe(true);
  expect(await node.sql`select from exchange.release_due`).toHaveLength(0);
  await expect(decided('undo')).rejects.toThrow('died');
  expect(await isShown()).toBe(true);
  await finishReleases(later);
  expect(await isShown()).toBe(false);
  expect(await node.sql`select from exchange.release_due`).toHaveLength(0);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a decision that cannot be carried out, because the file is gone, stands as an alert and can be taken back', async () => {
  const modified = (id: string) => lab(id, { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  const { id: pull } = await node.pull([output('Observation', modified('stuck'), modified('shown'))], {
    since: new Date(),
  });
  const [stuck, shown] = [await itemOf('stuck'), await itemOf('shown')];
  const isShown = async (source: string) => (await visible()).includes(source);
  const hour = { ...node.deps, clock: () => new Date(node.deps.clock().getTime() + 3_700_000) };
  const waiting = async () => {
    await keepAlerts(hour);
    return (
      await node.sql`select subject from exchange.alert where kind = 'release-waits' and cleared_at is null order by 1`
    ).map((r) => r['subject']);
  };
  await decide(shown, 'release');
  expect(await waiting()).toEqual([]);
  // found when it was decided, and gone when it is to be read
  let looks = 0;
  const { blobs } = node.deps;
  const vanishing = new Proxy(blobs, {
    get: (of, key) =>
      key === 'get' ? async (k: string) => (looks++ === 0 ? blobs.get(k) : undefined) : Reflect.get(of, key),
  });
  const item = await findItem(node.sql, stuck);
  const asked = { itemId: stuck, decision: 'release' as const, reason: 'looked at it', mark: item?.mark ?? '' };
  await expect(decideItem({ ...node.deps, blobs: vanishing }, person, asked, 'r1')).rejects.toThrow();
  await node.deps.blobs.delete(`${pull}/0`);
  await finishReleases(hour);
  expect(await waiting()).toEqual([stuck]);
  expect(await dueRelease(node.sql, stuck)).toEqual({ isUndo: false });
  // nothing of it was carried out: nothing has to be read to take it back
  expect(await decide(stuck, 'undo')).toBeUndefined();
  expect(await waiting()).toEqual([]);
  expect(await dueRelease(node.sql, stuck)).toBeUndefined();
  expect([(await findItem(node.sql, stuck))?.state, await isShown('stuck')]).toEqual(['open', false]);
  // one that is shown stays so: to hide it, it would have to be read
  expect(await decide(shown, 'undo')).toBe('not-kept');
  expect(await isShown('shown')).toBe(true);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('of a release and its undoing at the same time the undoing holds; two that carry out one do it once', async () => {
  const modified = (id: string) => lab(id, { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  const { id: pull } = await node.pull([output('Observation', modified('race'), modified('twice'))], {
    since: new Date(),
  });
  const isShown = async (id: string) => (await visible()).includes(id);
  const decide = async (id: string, decision: PersonDecision | 'undo', deps = node.deps) =>
    decideItem(
      deps,
      person,
      { itemId: id, decision, reason: 'looked at it', mark: (await findItem(node.sql, id))?.mark ?? '' },
      'r1',
    );
  /** does something when its file is read, once the decision stands */
  const meanwhile = (work: () => Promise<unknown>) => {
    let reads = 0;
    const get: typeof node.deps.blobs.get = async (key) => {
      if (++reads === 2) await work();
      return node.deps.blobs.get(key);
    };
    return {
      ...node.deps,
      blobs: new Proxy(node.deps.blobs, { get: (of, key) => (key === 'get' ? get : Reflect.get(of, key)) }),
    };
  };
  const race = await itemOf('race');
  await decide(race, 'release', meanwhile(() => decide(race, 'undo')) as typeof node.deps);
  expect(await isShown('race')).toBe(false);
  const twice = await itemOf('twice');
  const later = { ...node.deps, clock: () => new Date(node.deps.clock().getTime() + 2 * RELEASE_MS) };
  await decide(twice, 'release', meanwhile(() => finishReleases(later)) as typeof node.deps);
  expect(await isShown('twice')).toBe(true);
  expect(
    await node.sql`select from exchange.unit_revision where pull_id = ${pull} and line = 2 and cause = 'release'`,
  ).toHaveLength(1);
  expect(await node.sql`select from exchange.release_due`).toHaveLength(0);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('of several that are released at once each is taken in from the next tick on', async () => {
  const held = (id: string) => lab(id, { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  await node.pull([output('Observation', held('m1x'), held('m2x'))], { since: new Date() });
  const items = await Promise.all(
    ['m1x', 'm2x'].map(async (s) => {
      const id = await itemOf(s);
      return { itemId: id, mark: (await findItem(node.sql, id))?.mark ?? '' };
    }),
  );
  const done = await decideAll(
    node.deps,
    person,
    { decision: 'release', reason: 'known extension', items: [...items, { itemId: 'none', mark: '' }] },
    'r1',
  );
  expect(done).toEqual({ decided: 2, refused: { 'no-item': 1 } });
  expect(await visible()).not.toContain('m1x');
  await finishReleases(node.deps);
  expect(await visible()).toEqual(expect.arrayContaining(['m1x', 'm2x']));
  expect(await brokenLaws(node.sql)).toEqual({});
});

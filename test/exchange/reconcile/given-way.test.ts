// Who decides labels, imports records of our own or decides an item holds many records of a member, as a slice of a pull does: who is ended by the server
// for the sake of the other one begins again. The server is made to end each of them once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideAhead, relabel } from '../../../exchange/members/enrolment/relabel.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { output, reconciler } from './reconcile-pull.ts';

const PSY = { meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] } };
const ward = (more: object = {}) => ({ resourceType: 'Organization', id: 'ward', active: true, name: 'Ward', ...more });
const visit = (id: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  subject: { reference: 'Patient/m1' },
  serviceProvider: { reference: 'Organization/ward' },
});
const shot = (id: string, patient: string, more: object = {}) => ({
  resourceType: 'Immunization',
  id,
  status: 'completed',
  patient: { reference: `Patient/${patient}` },
  vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '140' }] },
  occurrenceDateTime: '2025-04-01',
  ...more,
});
const allergy = (id: string, patient: string, status: string) => ({
  resourceType: 'AllergyIntolerance',
  id,
  patient: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'http://snomed.info/sct', code: '91936005' }] },
  verificationStatus: {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification', code: status }],
  },
});

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(() => node.close());

/**
 * What is done is ended by the server the first time that it comes to such a row; what a sequence counts stays counted.
 * @param at of a trigger: when, on what, and of which rows
 */
async function endedOnce(at: string, work: () => Promise<unknown>): Promise<void> {
  const { sql } = node;
  await sql.unsafe(`
    create sequence public.come;
    create function public.end_once() returns trigger language plpgsql as $$ begin
      if nextval('public.come') = 1 then raise exception 'deadlock detected' using errcode = '40P01'; end if;
      return new; end $$;
    create trigger ends ${at} execute function public.end_once()`);
  try {
    await work();
    const [row] = await sql`select last_value::int as n from public.come`;
    expect(row?.['n']).toBeGreaterThan(1);
  } finally {
    await sql.unsafe('drop function public.end_once() cascade; drop sequence public.come');
  }
}
const labelOf = async (id: string) =>
  (await node.sql`select label from exchange.resource where coalesce(source_id, id) = ${id}`)[0]?.['label'];

test('records that are decided again, all of them and those of a member who is asked for', async () => {
  await node.own(ward(PSY), visit('v1'));
  for (const decide of [() => relabel(node.deps), () => decideAhead(node.deps, ['m1'])]) {
    await node.sql`update exchange.resource set labeller = null, label = 0 where id = 'v1'`;
    await node.sql.unsafe('alter table exchange.audit disable trigger user');
    await node.sql`delete from exchange.audit where action in ('relabel', 'relabel-begun')`;
    await node.sql.unsafe('alter table exchange.audit enable trigger user');
    await endedOnce(`before update on exchange.resource for each row when (new.id = 'v1')`, decide);
    expect(await labelOf('v1')).toBe(1);
  }
});

test('directory entries that are decided again', async () => {
  await node.sql`update exchange.shared_resource set labeller = null where id = 'ward'`;
  await endedOnce(`before update on exchange.shared_resource for each row when (new.id = 'ward')`, () =>
    relabel(node.deps),
  );
});

test('an import of our own, and what it links', async () => {
  await endedOnce(`before insert on exchange.resource for each row when (new.id = 'v2')`, () => node.own(visit('v2')));
  expect(await labelOf('v2')).toBe(1);
  await node.pull([output('Immunization', shot('theirs', 'p1', PSY))]);
  await endedOnce(`before insert on exchange.link for each row when (new.type = 'Immunization')`, () =>
    node.own(shot('ours', 'm1')),
  );
  expect(await labelOf('ours')).toBe(1);
});

test('what a person decides', async () => {
  await node.own(allergy('a-ours', 'm2', 'confirmed'));
  await node.pull([output('AllergyIntolerance', allergy('a-theirs', 'p2', 'refuted'))]);
  const [item] = await node.sql<{ id: string }[]>`
    select id from exchange.review_item where a_id is not null and b_id is not null and state = 'open'`;
  const found = await node.sql.begin((tx) => findItem(tx, item?.id ?? '', false));
  const who = { subject: 'someone', name: 'Someone', role: 'reviewer', development: false };
  const d = { itemId: found?.id ?? '', mark: found?.mark ?? '', decision: 'keep-both', reason: 'both stand' } as const;
  await endedOnce('before insert on exchange.audit for each row', async () => {
    expect(await decideItem(node.deps, who, d, 'r')).toBeUndefined();
  });
  const decisions = await node.sql`select 1 from exchange.review_decision where item_id = ${d.itemId}`;
  expect(decisions).toHaveLength(1);
});

// A death that an enrolment file reported, and our Patient does not: beside what a payer says of it, and of two members who are said to be one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onePersonReport } from '../../exchange/members/merge/merge-report.ts';
import { output, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('regular');
  await node.own(
    { resourceType: 'Patient', id: 'm1', birthDate: '1974-12-25' },
    { resourceType: 'Patient', id: 'm2', birthDate: '1974-12-25' },
  );
});
afterAll(() => node.close());

const died = (id: string, day: string | null) => node.sql`update exchange.member set died = ${day} where id = ${id}`;
let pulls = 0;
/** How many contradictions a payer's Patient makes. */
const told = async (memberId: string, more: object) => {
  const items = async () =>
    (await node.sql`select from exchange.review_item where member_id = ${memberId} and kind = 'deceased-mismatch'`)
      .length;
  const before = await items();
  const id = `p${++pulls}`;
  await node.pull([output('Patient', { resourceType: 'Patient', id, birthDate: '1974-12-25', ...more })], {
    members: [[id, memberId]],
  });
  return (await items()) - before;
};

test('what a payer says of a death that a file reported is no contradiction, and that the member lives is one', async () => {
  expect(await told('m1', { deceasedBoolean: true })).toBe(1);
  await died('m1', '2026-05-01');
  expect(await told('m1', { deceasedDateTime: '2026-05-01' })).toBe(0);
  expect(await told('m1', {})).toBe(1);
  await died('m1', null);
  expect(await told('m1', {})).toBe(0);
});

test('of two members of whom one has died, by a file, it is reported', async () => {
  const codes = async () => (await onePersonReport(node.deps, 'm1', 'm2')).doubts.map((d) => d.code);
  expect(await codes()).not.toContain('died');
  await died('m2', '2026-05-01');
  expect(await codes()).toContain('died');
  await died('m1', '2026-05-01');
  expect(await codes()).not.toContain('died');
});

// A line that a check holds, and that says that its record was entered in error: it waits, and what is wrong is not shown meanwhile.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideItem } from '../../../exchange/review/decide.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { lab, output, type PullOptions, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.own({ resourceType: 'Patient', id: 'm1' });
});
afterAll(() => node.close());

const PSY = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' };
const told = (id: string, day: number, more: object = {}, label?: object) =>
  lab(id, { meta: { lastUpdated: `2026-03-0${day}T00:00:00Z`, ...(label && { security: [label] }) }, ...more });
const inError = { status: 'entered-in-error' };
const regular: PullOptions = { policies: new Map([['m1', 'regular']]) };
const shown = async (id: string) => {
  const rows =
    await node.sql`select from exchange.resource where origin = 'prior' and source_id = ${id} and not deleted`;
  return rows.length === 1;
};

const decide = async (id: string, decision: 'release' | 'undo') => {
  const [found] = await node.sql<{ id: string }[]>`
    select id from exchange.review_item where id = md5(concat_ws('|', 'held', 'prior', 'Observation', ${id}::text))`;
  const item = found && (await findItem(node.sql, found.id));
  const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
  const said = { itemId: item?.id ?? '', decision, reason: 'as is said', mark: item?.mark ?? '' };
  expect(await decideItem(node.deps, person, said, 'r1')).toBe(undefined);
};

test('a labelled record that was had under a wider choice is hidden when it is in error, and stays so when what was before is reported late', async () => {
  await node.pull([output('Observation', told('wide', 1, {}, PSY))]);
  expect(await shown('wide')).toBe(true);
  const pull = await node.pull([output('Observation', told('wide', 3, inError, PSY))], regular);
  expect(await node.ledger(pull.id)).toEqual(['quarantined consent-scope Observation/wide']);
  expect(await shown('wide')).toBe(false);
  await node.pull([output('Observation', told('wide', 2))], regular);
  expect(await shown('wide')).toBe(false);
  await node.pull([output('Observation', told('wide', 4))], regular);
  expect(await shown('wide')).toBe(true);
});

test('so is one whose line another check holds', async () => {
  await node.pull([output('Observation', told('odd', 1))]);
  const odd = { ...inError, modifierExtension: [{ url: 'https://prior.example/odd', valueBoolean: true }] };
  const pull = await node.pull([output('Observation', told('odd', 3, odd))]);
  expect(await node.ledger(pull.id)).toEqual(['quarantined modifier-extension Observation/odd']);
  expect(await shown('odd')).toBe(false);
  await node.pull([output('Observation', told('odd', 2))]);
  expect(await shown('odd')).toBe(false);
  // anyone who takes that in agrees that it is wrong, and taking that back shows nothing wrong either
  for (const decision of ['release', 'undo'] as const) {
    await decide('odd', decision);
    expect(await shown('odd')).toBe(false);
  }
  // both in one answer
  await node.pull([output('Observation', told('both', 3, odd), told('both', 2))]);
  expect(await shown('both')).toBe(false);
});

test('one that is not newer takes nothing from view', async () => {
  await node.pull([output('Observation', told('newer', 3, {}, PSY))]);
  await node.pull([output('Observation', told('newer', 2, inError, PSY))], regular);
  expect(await shown('newer')).toBe(true);
});

test('it is decided as it was when the pull is decided again', async () => {
  await node.pull([output('Observation', told('anew', 1, {}, PSY))]);
  const pull = await node.pull([output('Observation', told('anew', 2, inError, PSY))], {
    ...regular,
    dies: 0,
    meanwhile: () => node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' }),
  });
  expect(await node.ledger(pull.id)).toEqual(['quarantined consent-scope Observation/anew']);
  expect(await shown('anew')).toBe(false);
});

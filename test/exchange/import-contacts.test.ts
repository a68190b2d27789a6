// `members contacts`: what a mail house reports back. Bad rows are named with their lines, good ones taken, a bad file is a sentence.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importContacts } from '../../exchange/members/consent/import-contacts.ts';
import { ImportFault } from '../../src/import/reject.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

let node: TestNode;
let number = '';
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-contacts-'));
const HEADER = 'member_number,kind,at,channel,result,language';
const AT = '2026-01-05T10:00:00-05:00';

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  await enrol(node.deps, [PEOPLE.rivera]);
  const [row] = await node.deps.database.sql<{ number: string }[]>`
    select member_number as number from exchange.enrolment where member_id = ${idOf(PEOPLE.rivera)}`;
  number = row?.number ?? '';
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

const take = (text: string) => {
  const file = join(folder, 'contacts.csv');
  writeFileSync(file, text);
  return importContacts(node.deps, file, 'ada');
};
const count = async () =>
  (await node.deps.database.sql<{ n: number }[]>`select count(*)::int as n from exchange.contact`)[0]?.n;

test('good rows are taken once, bad ones named', async () => {
  const file = [
    HEADER,
    `${number},offer,${AT},mail,delivered,en`,
    `${number},identify,${AT},mail,,es`,
    `nobody,offer,${AT},mail,,`,
    `${number},offer,2999-01-01T00:00:00Z,mail,,`,
    `${number},offer,${AT},mail,,fr`,
    `${number},constructor,yesterday,pigeon,lost,`,
    `${number},offer`,
    `${number},"offer`,
  ].join('\n');
  const first = await take(file);
  expect(first).toMatchObject({ read: 8, added: 2 });
  expect(first.faults.map((f) => f.line).sort()).toEqual([4, 5, 6, 7, 8, 9]);
  expect(await take(file)).toMatchObject({ read: 8, added: 0 });
  expect(await count()).toBe(2);
});

test('a file that is none is reported in a sentence', async () => {
  await expect(importContacts(node.deps, join(folder, 'none.csv'), 'ada')).rejects.toThrow(ImportFault);
  await expect(importContacts(node.deps, folder, 'ada')).rejects.toThrow(ImportFault);
  await expect(take('a,b\n1,2\n')).rejects.toThrow(ImportFault);
  expect(await count()).toBe(2);
});

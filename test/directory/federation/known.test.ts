// What is read out of bodies in the database, when a body holds a number that jsonb does not take.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordFacts } from '../../../directory/federation/compare/compare-rows.ts';
import { knownNpis } from '../../../directory/federation/known.ts';
import { STATEMENTS } from '../../../directory/federation/signal-statements.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import { onSchema } from '../../../src/db/schema-view.ts';
import { BASE, directory, entries, NOW } from '../fixture.ts';

const VAST = '"extension":[{"url":"https://plan.example/x","valueDecimal":1e-200000}]';
const TEXTS = [
  `{"resourceType":"Practitioner","id":"p",${VAST},"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"9000000007"}]}`,
  `{"resourceType":"VerificationResult","id":"v",${VAST},"target":[{"reference":"Practitioner/p"}],"status":"validated","lastPerformed":"2026-06-01","attestation":{"date":"2026-05-01"}}`,
  `{"resourceType":"PractitionerRole","id":"r",${VAST},"period":{"end":"2020-01-01"}}`,
];

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(TEXTS);
  await importResources(onSchema(d.database, 'merged'), entries(TEXTS), { base: BASE, clock: () => NOW });
});
afterAll(() => d.close());

test('our own NPIs are known', async () => {
  expect(await knownNpis(d.database.sql, '', 10)).toEqual(['9000000007']);
});

test('when a record was attested is known', async () => {
  const facts = await recordFacts(d.database.sql, ['Practitioner/p']);
  expect(facts.get('Practitioner/p')?.attestedAt?.toISOString()).toBe('2026-05-01T00:00:00.000Z');
});

test('what signals look for in bodies is found', async () => {
  const { sql } = d.database;
  const keys = async (statement: string, values: string[]) =>
    (await sql.unsafe<{ key: string }[]>(statement, values)).map((row) => row.key);
  expect(await keys(STATEMENTS['npi-check-digit'], [])).toEqual(['Practitioner/p']);
  expect(await keys(STATEMENTS['left-not-removed'], [NOW.toISOString()])).toEqual(['PractitionerRole/r']);
});

// What a Consent names by address is not asked for: it may be an address within our network.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

const ONE_MATCH = 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match';
const SCOPES = [BULK_MATCH, ONE_MATCH, 'system/*.rs'];
const asked: string[] = [];
let node: TestNode;
let them: ExportClient;
beforeAll(async () => {
  const refuse = (input: string | URL | Request) => {
    asked.push(String(input instanceof Request ? input.url : input));
    return Promise.reject(new Error('nothing is to be asked'));
  };
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, { fetch: refuse as typeof fetch });
  await enrol(node.deps, [PEOPLE.rivera]);
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES }));
  await them.signIn(SCOPES.join(' '));
});
afterAll(() => node.close());

test.each([
  'http://169.254.169.254/latest/meta-data',
  'http://127.0.0.1:5432/',
  'file:///etc/passwd',
  'https://[::1]/consent.pdf',
])('%s', async (address) => {
  const made = parts(card(PEOPLE.rivera));
  Object.assign(made.consent, {
    sourceReference: { reference: address },
    contained: [
      {
        resourceType: 'DocumentReference',
        id: 'd',
        status: 'current',
        content: [{ attachment: { contentType: 'application/pdf', url: address } }],
      },
    ],
  });
  Object.assign(made.patient, { photo: [{ contentType: 'image/png', url: address }] });
  const headers = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };
  const kick = await them.call('/Group/$bulk-member-match', { method: 'POST', headers, body: matchBody(made) });
  const { manifest } = await them.finished(kick);
  expect(manifest.output.length).toBeGreaterThan(0);
  const parameter = Object.entries({
    MemberPatient: made.patient,
    CoverageToMatch: made.coverageToMatch,
    CoverageToLink: made.coverageToLink,
    Consent: {
      ...made.consent,
      sourceReference: undefined,
      sourceAttachment: { contentType: 'application/pdf', url: address },
    },
  }).map(([name, resource]) => ({ name, resource }));
  const one = await them.call('/Patient/$member-match', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: { resourceType: 'Parameters', parameter },
  });
  expect([200, 422]).toContain(one.status);
  expect(asked).toEqual([]);
});

// The substance of a record: the same when it went through another payer, who gives ids and addresses of its own to everything.
import { expect, test } from 'vitest';
import { contentHashes, RECEIVED_CONTENT } from '../../src/fhir/canonical.ts';

const of = (more: object) =>
  contentHashes({ resourceType: 'DocumentReference', id: 'a', status: 'current', ...more } as never, RECEIVED_CONTENT);
const same = (a: object, b: object) => [of(a).hash === of(b).hash, of(a).substance === of(b).substance];

test('references, and what stands for one whose target is not there, say nothing', () => {
  const visit = { context: { encounter: [{ reference: 'Encounter/1' }] } };
  const standIn = { identifier: { system: 'https://prior.example/fhir/Encounter', value: '1' } };
  expect(same(visit, { context: { encounter: [{ reference: 'Encounter/2' }] } })).toEqual([false, true]);
  expect(same(visit, { context: { encounter: [standIn] } })).toEqual([false, true]);
  // who is named by a number of its own is told so
  const named = (value: string) => ({
    author: [{ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value } }],
  });
  expect(same(named('9000000012'), named('9000000020'))).toEqual([false, false]);
  expect(same(visit, {})).toEqual([false, false]);
  // under whatever address: only that of a type of FHIR stands for a record
  for (const system of ['http://terminology.hl7.org/NamingSystem/NAIC', 'https://prior.example/fhir/MemberId']) {
    const insured = (value: string) => ({ insurer: { identifier: { system, value }, type: 'Organization' } });
    expect(same(insured('12345'), insured('67890'))).toEqual([false, false]);
  }
  // one identifier of the record itself, as a QuestionnaireResponse has it, which is no list
  const answered = (value: string) => ({
    identifier: { system: 'https://prior.example/fhir/Encounter', value },
    item: [],
  });
  expect(same(answered('1'), answered('2'))).toEqual([false, false]);
  // an identifier of the record itself
  const numbered = (value: string) => ({ identifier: [{ system: 'https://prior.example/fhir/Encounter', value }] });
  expect(same(numbered('1'), numbered('2'))).toEqual([false, false]);
});

test('where bytes are says nothing beside their hash', () => {
  const given = (url: string, more: object = {}) => ({
    content: [{ attachment: { contentType: 'text/plain', size: 3, url, ...more } }],
  });
  const hash = 'VjuQXaNsQpVp/VQ1BUBpX17ctWU=';
  const [here, there] = ['https://a.example/Binary/1', 'Binary/2'];
  expect(same(given(here, { hash }), given(there, { hash }))).toEqual([false, true]);
  expect(same(given(here, { hash }), given(there, { hash: `W${hash.slice(1)}` }))).toEqual([false, false]);
  expect(same(given(here, { hash, title: 'a "b"' }), given(there, { hash, title: 'a "b"' }))).toEqual([false, true]);
  expect(same(given(here), given(there))).toEqual([false, false]);
  // the address of another attachment than the one with the hash
  const two = (url: string) => ({ content: [{ attachment: { hash } }, { attachment: { url } }] });
  expect(same(two(here), two(there))).toEqual([false, false]);
});

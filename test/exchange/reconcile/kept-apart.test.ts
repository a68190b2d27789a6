// Documents whose bytes a server keeps apart from its records: which addresses a record then has, and what stands in its text.
import { expect, test } from 'vitest';
import { hasEmptyAttachment } from '../../../exchange/reconcile/attachment-address.ts';
import { addressApart } from '../../../exchange/reconcile/kept-apart.ts';
import { watchedIn } from '../../../exchange/records/facts/watched-names.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const apart = (id: string) => ({
  _data: {
    extension: [{ url: 'http://hapifhir.io/fhir/StructureDefinition/externalized-binary-id', valueString: id }],
  },
});
const BASE = 'https://a.example/fhir';
const read = (type: string, id: string, path: string): string =>
  `${BASE}/${type}/${id}/$binary-access-read?path=${encodeURIComponent(path)}`;
const textOf = (resource: object): string => JSON.stringify(resource);

test('each has the address of its place in the record as it came, whatever is left out of the text that is kept', () => {
  const [one, two, within] = [
    { contentType: 'application/pdf', size: 5, hash: 'aGFzaA==', ...apart('one') },
    { contentType: 'text/plain', ...apart('two') },
    { contentType: 'text/plain', data: 'YQ==' },
  ];
  const record = {
    resourceType: 'ExplanationOfBenefit',
    id: 'e1',
    supportingInfo: [{ valueAttachment: one }, { valueAttachment: two }, { valueAttachment: within }],
  };
  const kept = { ...record, supportingInfo: record.supportingInfo.slice(1) };
  const found = addressApart(record as unknown as Resource, textOf(kept), `${BASE}/`);
  const url = read('ExplanationOfBenefit', 'e1', 'ExplanationOfBenefit.supportingInfo[1].value');
  expect(found?.given).toEqual([{ written: `"url":"${url}"`, url, media: 'text/plain' }]);
  expect(JSON.parse(found?.kept ?? '')).toEqual({
    ...kept,
    supportingInfo: [{ valueAttachment: { contentType: 'text/plain', url } }, { valueAttachment: within }],
  });
  expect(addressApart(record as unknown as Resource, textOf(record), BASE)?.given[0]).toEqual({
    written: `"url":"${read('ExplanationOfBenefit', 'e1', 'ExplanationOfBenefit.supportingInfo[0].value')}"`,
    url: read('ExplanationOfBenefit', 'e1', 'ExplanationOfBenefit.supportingInfo[0].value'),
    media: 'application/pdf',
    size: 5,
    sha1: 'aGFzaA==',
  });
});

test('its SHA-256 is what its server says, where that is one', () => {
  const said = (valueString: string) => {
    const attachment = { contentType: 'text/plain', ...apart('x') };
    const url = 'http://hapifhir.io/fhir/StructureDefinition/externalized-binary-hash-sha256';
    attachment._data.extension.push({ url, valueString });
    const resource = { resourceType: 'DocumentReference', id: 'd1', content: [{ attachment }] };
    return addressApart(resource as unknown as Resource, textOf(resource), BASE)?.given[0]?.sha256;
  };
  expect([said('AB'.repeat(32)), said('ab'.repeat(31)), said('zz'.repeat(32))]).toEqual([
    'ab'.repeat(32),
    undefined,
    undefined,
  ]);
});

test('where the bytes or an address are there, or it is a Binary, nothing is added', () => {
  const of = (resource: object) => addressApart(resource as Resource, textOf(resource), BASE);
  const note = (attachment: object) => ({ resourceType: 'DocumentReference', id: 'd1', content: [{ attachment }] });
  expect(of(note({ contentType: 'text/plain', data: 'YQ==', ...apart('x') }))).toBeUndefined();
  expect(of(note({ contentType: 'text/plain', url: 'Binary/1', ...apart('x') }))).toBeUndefined();
  expect(of(note({ contentType: 'text/plain' }))).toBeUndefined();
  expect(of({ resourceType: 'Binary', id: 'b1', contentType: 'text/plain', ...apart('x') })).toBeUndefined();
});

test('a document that is reported to be kept apart is not one that came without its bytes', () => {
  const is = (attachment: object) => {
    const resource = { resourceType: 'DocumentReference', id: 'd1', content: [{ attachment }] };
    return hasEmptyAttachment(resource as unknown as Resource, watchedIn(resource).names);
  };
  expect([is({ contentType: 'text/plain', ...apart('x') }), is({ contentType: 'text/plain' })]).toEqual([false, true]);
  // what else stands beside the data says nothing of where it is
  const absent = { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'x' }] };
  expect(is({ contentType: 'text/plain', _data: absent })).toBe(true);
});

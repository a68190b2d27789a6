// What every runtime must do. Run on Node and in workerd.
import { expect } from 'vitest';
import { body, ids } from '../directory/fixture.ts';

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

export async function smoke(fetch: Fetch): Promise<void> {
  const metadata = await fetch('/directory/fhir/metadata');
  expect([metadata.status, (await body(metadata)).resourceType]).toEqual([200, 'CapabilityStatement']);

  const read = await fetch('/directory/fhir/Practitioner/p1');
  expect([read.status, read.headers.get('etag')]).toEqual([200, 'W/"1"']);
  expect(await read.json()).toMatchObject({ id: 'p1', name: [{ given: ['Ana', 'María'] }] });
  expect((await fetch('/directory/fhir/Practitioner/p1', { headers: { 'if-none-match': 'W/"1"' } })).status).toBe(304);
  expect((await fetch('/directory/fhir/Practitioner/nobody')).status).toBe(404);
  expect((await fetch('/directory/fhir/Practitioner/p1', { method: 'DELETE' })).status).toBe(405);

  const xml = await fetch('/directory/fhir/Practitioner/p1', { headers: { accept: 'application/fhir+xml' } });
  expect([xml.status, xml.headers.get('content-type'), xml.headers.get('vary')]).toEqual([
    200,
    'application/fhir+xml; fhirVersion=4.0; charset=utf-8',
    'accept, accept-encoding',
  ]);
  expect(await xml.text()).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?><Practitioner xmlns=.*<given value="María"\/>/,
  );

  const search = await body(
    await fetch('/directory/fhir/PractitionerRole?specialty=207RC0000X&_include=PractitionerRole:practitioner'),
  );
  expect([search.total, ids(search, 'match'), ids(search, 'include')]).toEqual([
    1,
    ['PractitionerRole/r1'],
    ['Practitioner/p1'],
  ]);
  const many = await body(
    await fetch('/directory/fhir/Organization?_id=payer1,net1,clinic1&type=ntwk,payer,a,b,c,d,e,f,g,h'),
  );
  expect(ids(many, 'match').length).toBe(2);
  const posted = await fetch('/directory/fhir/Practitioner/_search', {
    method: 'POST',
    body: 'family=o',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(ids(await body(posted), 'match')).toEqual(['Practitioner/p1']);
}

// The canonical form: names in the order of RFC 8785, in whatever order and however many ways they come.
import { expect, test } from 'vitest';
import { AS_IT_IS, canonicalJson, contentHashes, RECEIVED_CONTENT } from '../../src/fhir/canonical.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { heldHeap } from '../support/held-memory.ts';

test('what somebody makes up to fill the memory is not kept', async () => {
  const before = await heldHeap();
  const object: JsonObject = {};
  for (let i = 0; i < 1000; i++) {
    object[`k${i}`] = 1;
    canonicalJson(object, AS_IT_IS);
  }
  // each with all names of those before it: half a million
  expect((await heldHeap()) - before).toBeLessThan(20_000_000);
  expect(canonicalJson({ b: object['k1'] ?? 2, a: 2 }, AS_IT_IS)).toBe('{"a":2,"b":1}');
});

test('names are put in order by their UTF-16 units, at every depth', () => {
  const object = { b: 1, a: { é: 1, z: 2, _z: 3, Z: 4 }, '10': 5, '9': 6, '': 7, 'c"d': [{ y: 1, x: 2 }] };
  const written = '{"":7,"10":5,"9":6,"a":{"Z":4,"_z":3,"z":2,"é":1},"b":1,"c\\"d":[{"x":2,"y":1}]}';
  expect(canonicalJson(object, AS_IT_IS)).toBe(written);
  const turned = Object.fromEntries(Object.entries(object).toReversed());
  expect(canonicalJson(turned, AS_IT_IS)).toBe(written);
});

test('more kinds of objects than are remembered', () => {
  for (let i = 0; i < 9000; i++) {
    const object: JsonObject = { [`z${i}`]: 1, m: 2, [`a${i}`]: 3, ['n'.repeat(70)]: 4 };
    if (canonicalJson(object, AS_IT_IS) !== `{"a${i}":3,"m":2,"${'n'.repeat(70)}":4,"z${i}":1}`)
      throw new Error(`${i}`);
  }
  expect(canonicalJson({ onset: 1, code: 2 }, AS_IT_IS)).toBe('{"code":2,"onset":1}');
});

test('more names than are remembered, and an object of more than any of FHIR', () => {
  const names = Array.from({ length: 9000 }, (_, i) => `n${i}`);
  const written = `{${names
    .toSorted()
    .map((n) => `"${n}":1`)
    .join()}}`;
  const object = Object.fromEntries(names.map((n) => [n, 1]));
  expect(canonicalJson(object, AS_IT_IS)).toBe(written);
  expect(canonicalJson(object, AS_IT_IS)).toBe(written);
});

const substance = (more: JsonObject) =>
  contentHashes({ resourceType: 'Observation', ...more }, RECEIVED_CONTENT).substance;

test.each<[JsonObject, JsonObject]>([
  [{ subject: { reference: 'Patient/1' } }, { subject: { reference: 'Patient/2' } }],
  [
    { identifier: [{ use: 'secondary', system: 'https://a.example/Observation', value: '1' }], status: 'final' },
    { status: 'final' },
  ],
  [
    { subject: { identifier: { system: 'https://a.example/Patient', value: '1' } } },
    { subject: { reference: 'Patient/2' } },
  ],
])('what is no substance, wherever it stands first: %j', (a, b) => {
  expect(substance(a)).toBe(substance(b));
  // what an earlier record had says nothing of the next one
  expect(substance({ status: 'final' })).not.toBe(substance(a.status === undefined ? a : { ...a, status: 'amended' }));
});

// References of received records: where they are led at first, and what becomes of one that led elsewhere.

import { v5 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { PROJECT_NAMESPACE } from '../../../exchange/export/transmitter.ts';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { readUnit } from '../../../exchange/reconcile/read-unit.ts';
import { correctReferences, leadReferences, ledFrom } from '../../../exchange/reconcile/rewrite.ts';

const BASE = 'https://prior.example/fhir';
const made = (key: string) => `made-${key.replace('/', '-')}`;
const json = (...references: string[]) => JSON.stringify({ list: references.map((reference) => ({ reference })) });
const lead = (text: string, known: Record<string, string> = {}) =>
  leadReferences(
    text,
    BASE,
    (id) => (id === 'p1' ? 'm1' : undefined),
    (key) => known[key],
    made,
  );

test('ids are UUIDv5 of peer, type and source id', () => {
  for (const id of ['a', '1.2-3', 'x'.repeat(64)])
    expect(localId('prior', 'Observation', id)).toBe(v5(`prior|Observation|${id}`, PROJECT_NAMESPACE));
});

describe('leading', () => {
  test('our member, a directory record that is known, else the id that the record gets here', () => {
    const led = lead(json('Patient/p1', `${BASE}/Encounter/e1/_history/3`, 'Practitioner/d1', 'Encounter/e1'), {
      'Practitioner/d1': 'ours',
    });
    expect(led.json).toBe(
      json('Patient/m1', 'Encounter/made-Encounter-e1', 'Practitioner/ours', 'Encounter/made-Encounter-e1'),
    );
    expect(led.refs).toEqual(['Encounter/e1', 'Practitioner/d1>ours']);
    expect([led.links, led.refers]).toEqual([['Practitioner/ours'], ['Encounter/made-Encounter-e1']]);
  });

  test('what is not of this peer stays as it is', () => {
    const text = json('#c', 'urn:uuid:1', 'https://other.example/fhir/Encounter/e1', 'Encounter?status=x');
    // whose label it would inherit is told by the id alone
    const refers = ['urn:uuid:1'];
    expect(lead(text)).toEqual({ json: text, ids: new Map(), refs: [], links: [], refers });
    expect(correctReferences(text, BASE, new Map(), () => undefined)).toMatchObject({ json: text, refers });
  });

  test('two keys that are one directory record here stay apart until they are led right', () => {
    const known = { 'Organization/a': 'one', 'Organization/b': 'one' };
    const led = lead(json('Organization/a', 'Organization/b'), known);
    expect(led.refs).toEqual(['Organization/a>one', 'Organization/b']);
    const actual: Record<string, string> = { 'Organization/a': 'two', 'Organization/b': 'one' };
    const right = correctReferences(led.json, BASE, ledFrom(led.refs, made), (key) => ({
      localId: actual[key] ?? '',
      isShared: true,
    }));
    expect(right.json).toBe(json('Organization/two', 'Organization/one'));
    expect(right.links).toEqual(['Organization/two', 'Organization/one']);
  });
});

test('a record of very many references is led in a moment', () => {
  const known = new Map(Array.from({ length: 60_000 }, (_, i) => [`Organization/${i}`, `o${i}`]));
  const led = leadReferences(
    json(...known.keys()),
    BASE,
    () => undefined,
    (key) => known.get(key),
    made,
  );
  expect(led.refs).toHaveLength(60_000);
  expect(led.refs.at(-1)).toBe('Organization/59999>o59999');
});

test('a reference that leads nowhere says what the peer calls it, and keeps a better name', () => {
  const text =
    '{"encounter":{"reference":"Encounter/e1"},"other":{"reference":"Condition/c","identifier":{"value":"7"}}}';
  const led = lead(text);
  const right = correctReferences(led.json, BASE, ledFrom(led.refs, made), () => undefined);
  expect(right.json).toBe(
    `{"encounter":{"identifier":{"system":"${BASE}/Encounter","value":"e1"}},"other":{"identifier":{"value":"7"}}}`,
  );
  expect(right.unresolved).toEqual(['Encounter/e1', 'Condition/c']);
});

describe('what a Provenance is about', () => {
  const read = (...targets: string[]) => {
    const unit = readUnit(
      JSON.stringify({ resourceType: 'Provenance', id: 'v1', target: targets.map((reference) => ({ reference })) }),
      {
        peerId: 'prior',
        peerBase: BASE,
        ourBase: 'https://ours.example/fhir',
        ourNpi: null,
        members: new Map([['p1', { memberId: 'm1', policy: 'regular', withdrawn: false as const }]]),
        known: new Map([['Organization/o1', 'ours']]),
        windowStart: '2020-01-01',
        latest: '2027-01-01',
        validate: () => [],
      },
    );
    return { about: unit.about, refs: unit.refs };
  };
  const id = (type: string, source: string) => `${type}/${localId('prior', type, source)}`;

  test('is led like its references; a person to what becomes of them as a record', () => {
    expect(read(`${BASE}/Observation/l1`, 'Organization/o1', 'Patient/p1')).toEqual({
      about: [id('Observation', 'l1'), 'Organization/ours', id('Patient', 'p1')],
      refs: ['Observation/l1', 'Organization/o1>ours', 'Patient/p1'],
    });
  });

  test.each([['https://other.example/fhir/Observation/l2'], ['Bundle/b1']])(
    'is open with a target that is led nowhere: %s',
    (target) => {
      expect(read('Observation/l1', target).about).toBeUndefined();
    },
  );
});

// References of received records: where they are led at first, and what becomes of one that led elsewhere.

import { v5 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { readUnit } from '../../../exchange/reconcile/read-unit.ts';
import { correctReferences, leadReferences, ledFrom } from '../../../exchange/reconcile/rewrite.ts';
import { PROJECT_NAMESPACE } from '../../../exchange/responder/export/transmitter.ts';

const BASE = 'https://prior.example/fhir';
const OUR_BASE = 'https://ours.example/exchange/fhir';
const BASES = { peerBase: BASE, ourBase: OUR_BASE };
const made = (key: string) => `made-${key.replace('/', '-')}`;
const json = (...references: string[]) => JSON.stringify({ list: references.map((reference) => ({ reference })) });
const lead = (text: string, known: Record<string, string> = {}) =>
  leadReferences(
    text,
    BASES,
    (id, isOurs) => (id === (isOurs ? 'm1' : 'p1') ? 'm1' : undefined),
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
    // whose label it would inherit is reported by the id alone
    const refers = ['urn:uuid:1'];
    expect(lead(text)).toEqual({ json: text, ids: new Map(), refs: [], links: [], refers, isLost: true });
    expect(correctReferences(text, BASES, new Map(), () => undefined)).toMatchObject({ json: text, refers });
  });

  test.each([
    ['a search', 'Encounter?status=x', true],
    ['an id of an entry of a Bundle', 'urn:uuid:b3b4f1bb-95a4-4733-b1de-14bff8de8ef4', true],
    ['a search at the peer', `${BASE}/Practitioner?identifier=9`, true],
    ['words', 'see the chart', true],
    ['a record of another server', 'https://other.example/fhir/Encounter/e1', false],
    ['another address', 'https://other.example/charts?id=9', false],
    ['a contained record', '#c', false],
    ['a record that did not come', 'Encounter/e9', false],
  ])('a reference that no one can find anything by is noted: %s', (_, reference, isLost) => {
    expect(lead(json(reference)).isLost).toBe(isLost);
  });

  test('a record of ours that is named by its address here, and our member', () => {
    const led = lead(
      json(`${OUR_BASE}/Encounter/e1/_history/2`, `${OUR_BASE}/Patient/m1`, `${OUR_BASE}/Practitioner/d1`),
    );
    expect(led.json).toBe(json('Encounter/e1', 'Patient/m1', 'Practitioner/d1'));
    expect(led.refs).toEqual(['~Encounter/e1>e1', '~Practitioner/d1>d1']);
    expect([led.links, led.refers, led.isLost]).toEqual([['Practitioner/d1'], ['Encounter/e1'], false]);
    const gone = correctReferences(led.json, BASES, ledFrom(led.refs, made), (key) =>
      key === '~Practitioner/d1' ? { localId: 'd1', isShared: true } : undefined,
    );
    expect(gone.unresolved).toEqual(['~Encounter/e1']);
    expect(gone.json).toBe(
      `{"list":[{"identifier":{"system":"${OUR_BASE}/Encounter","value":"e1"}},{"reference":"Patient/m1"},{"reference":"Practitioner/d1"}]}`,
    );
    const another = lead(json(`${OUR_BASE}/Patient/m2`));
    expect([another.json, another.isLost]).toEqual([
      `{"list":[{"identifier":{"system":"${OUR_BASE}/Patient","value":"m2"}}]}`,
      true,
    ]);
  });

  test('two keys that are one directory record here stay apart until they are led right', () => {
    const known = { 'Organization/a': 'one', 'Organization/b': 'one' };
    const led = lead(json('Organization/a', 'Organization/b'), known);
    expect(led.refs).toEqual(['Organization/a>one', 'Organization/b']);
    const actual: Record<string, string> = { 'Organization/a': 'two', 'Organization/b': 'one' };
    const right = correctReferences(led.json, BASES, ledFrom(led.refs, made), (key) => ({
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
    BASES,
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
  const right = correctReferences(led.json, BASES, ledFrom(led.refs, made), () => undefined);
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

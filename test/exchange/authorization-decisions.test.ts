// What an authorization comes to by the decisions on the whole, on its lines and on their details, in order of time (42 CFR 422.121(b)(4)(ii)(A)(2)).
import { expect, test } from 'vitest';
import { authorizationFacts, decidedAhead, latestReview } from '../../exchange/records/facts/prior-authorization.ts';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { decided } from './authorization-fixture.ts';

const at = (day: number) => `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`;
const said = (code: string, day: number) => ({ adjudication: [decided(code, at(day))] });
const line = (sequence: number, more: object = {}) => ({ sequence, productOrService: { text: 'imaging' }, ...more });
const pa = (more: object): Resource =>
  ({ resourceType: 'ExplanationOfBenefit', id: 'pa', use: 'preauthorization', status: 'active', ...more }) as Resource;
const units = (value: number) => ({ category: { coding: [{ code: 'allowedunits' }] }, value });
const why = { category: { coding: [{ code: 'denialreason' }] } };
const part = (more: object = {}) => line(1, more);
const withSub = (...subDetail: object[]) => part({ detail: [part({ subDetail })] });

test.each<[string, object, string, number[]?]>([
  ['granted as a whole, without lines', said('A1', 1), 'approved'],
  ['denied as a whole, without lines', said('A3', 1), 'denied'],
  ['denied as a whole, with a line of which nothing was decided', { ...said('A3', 1), item: [line(1)] }, 'denied'],
  ['denied as a whole, and its line after it', { ...said('A3', 1), item: [line(1, said('A3', 2))] }, 'denied', [1]],
  ['denied as a whole, its line granted before', { ...said('A3', 2), item: [line(1, said('A1', 1))] }, 'denied', [1]],
  [
    'denied as a whole, its line granted at that time',
    { ...said('A3', 1), item: [line(1, said('A1', 1))] },
    'denied',
    [1],
  ],
  [
    'denied as a whole, one line granted after it, one denied, one not decided',
    { ...said('A3', 1), item: [line(1, said('A1', 2)), line(2, said('A3', 2)), line(3)] },
    'approved',
    [2, 3],
  ],
  ['denied, then granted as a whole', { adjudication: [decided('A3', at(1)), decided('A1', at(2))] }, 'approved'],
  ['granted, then denied as a whole', { adjudication: [decided('A3', at(2)), decided('A1', at(1))] }, 'denied'],
  ['all lines denied', { ...said('A1', 1), item: [line(1, said('A3', 2)), line(2, said('A3', 2))] }, 'denied', [1, 2]],
  ['a line denied before the whole was granted', { ...said('A1', 2), item: [line(1, said('A3', 1))] }, 'approved', []],
  [
    'a line denied when the whole was granted',
    { ...said('A1', 1), item: [line(1, said('A3', 1)), line(2)] },
    'approved',
    [1],
  ],
  [
    'a line denied before the whole was granted in part',
    { ...said('A2', 2), item: [line(1, said('A3', 1)), line(2)] },
    'partial',
    [1],
  ],
  ['cancelled', { ...said('A1', 1), status: 'cancelled' }, 'cancelled'],
  ['denied and cancelled', { ...said('A3', 1), status: 'cancelled' }, 'denied'],
  ['cancelled, and nothing was decided', { status: 'cancelled' }, 'pended'],
  ['nothing was decided', {}, 'pended'],
  ['a code that no one knows', said('ZZ', 1), 'pended'],
  [
    'a reason for a denial, and units that are none',
    { item: [line(1, { adjudication: [why, units(0)] })] },
    'unclear',
    [1],
  ],
  ['a reason for a denial, and units', { item: [line(1, { adjudication: [why, units(1)] })] }, 'pended', []],
])('%s', (_, more, state, removed) => {
  const facts = authorizationFacts(pa(more));
  expect([facts.state, removed === undefined ? undefined : facts.removedLines]).toEqual([state, removed]);
});

test('a review action without a code decides nothing, whenever it was', () => {
  const without = decided('A1', at(9));
  for (const e of without.extension) if ('extension' in e) delete (e as { extension?: unknown }).extension;
  for (const adjudication of [
    [decided('A3', at(1)), without],
    [without, decided('A3', at(1))],
  ])
    expect(authorizationFacts(pa({ adjudication })).state).toBe('denied');
  expect(latestReview({ adjudication: [without] } as unknown as JsonObject)).toBeUndefined();
});

test('details that were denied go with their own, and what is left of a line stays', () => {
  const facts = (item: object) => authorizationFacts(pa({ ...said('A1', 1), item: [item, line(2)] }));
  // of a detail nothing is left, and nothing was decided of it or of its line
  expect(facts(withSub(part(said('A3', 2))))).toMatchObject({ state: 'approved', removedLines: [1] });
  expect(facts(withSub(part(said('A3', 2)), part()))).toMatchObject({ removedLines: [], removesParts: true });
  expect(facts(withSub(part(), part()))).toMatchObject({ removedLines: [], removesParts: false });
  expect(facts({ ...withSub(part(said('A3', 2))), ...said('A1', 1) })).toMatchObject({
    removedLines: [],
    removesParts: true,
  });
  // granted in total after that, in any of what holds it
  expect(facts({ ...withSub(part(said('A3', 2))), ...said('A1', 3) })).toMatchObject({
    removedLines: [],
    removesParts: false,
  });
});

test('its last day is the latest of all that say one; one that began and says none covers every day', () => {
  const end = (...preAuthRefPeriod: object[]) => authorizationFacts(pa({ preAuthRefPeriod })).end;
  expect(end()).toBeUndefined();
  expect(end({ end: '2026-03-01' }, { end: '2026-02-01' })).toBe('2026-03-01');
  expect(end({}, { end: '2026-02-01' })).toBe('2026-02-01');
  expect(end({ start: '2026-01-01' }, { end: '2026-02-01' })).toBe('9999-12-31');
});

test('it changed when it was decided last, else when it was made, else when it was reported last', () => {
  const changed = (more: object) =>
    authorizationFacts(pa({ meta: { lastUpdated: at(9) }, created: '2026-01-05', ...more })).changed;
  expect(changed(said('A1', 7))).toBe('2026-01-07');
  expect(changed({ adjudication: [decided('A1', '')] })).toBe('2026-01-05');
  expect(changed({ created: undefined })).toBe('2026-01-09');
  expect(changed({ ...said('A1', 2), item: [line(1, said('A1', 3))] })).toBe('2026-01-03');
  expect(changed({ ...said('A1', 3), item: [line(1, said('A1', 2))] })).toBe('2026-01-03');
});

test('of what is no authorization and no estimate nothing was decided ahead', () => {
  expect(decidedAhead(pa({ use: 'claim' }))).toBeUndefined();
  expect(decidedAhead({ ...pa({ use: 'predetermination' }), resourceType: 'Claim' })).toBeUndefined();
  expect(decidedAhead({ ...pa({}), resourceType: 'Claim' })).toBeUndefined();
  expect(decidedAhead(pa({ use: 'predetermination', ...said('A1', 1) }))?.state).toBe('approved');
});

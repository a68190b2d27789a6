// Which copies of an authorization are from before a denial.
import { expect, test } from 'vitest';
import { besideDenials, deniedSince, type Told } from '../../../exchange/reconcile/chain/denied.ts';

type Given = {
  isPartly?: boolean;
  by?: string;
  code?: string;
  when?: string;
  changed?: number;
  asked?: string[];
  status?: string;
};
const told = (
  id: string,
  { isPartly = false, by = 'p', code = 'A1', when = '', changed, asked = [], status = 'active' }: Given,
): Told => ({
  id,
  insurer: 'i',
  at: 0,
  origin: by,
  isDenied: code === 'A3',
  isPartly,
  changed,
  asked,
  facts: {
    use: 'preauthorization',
    status,
    type: '',
    numbers: [{ value: '1' }],
    identifiers: [],
    prior: [],
    next: [],
    reviews: [{ code, when }],
  },
});
const since = (...all: Told[]) => besideDenials(all).flatMap((g) => deniedSince(g, (t) => t.asked ?? []));

test('the last decision counts; of one time the one reported later, then the denial, whatever stands first', () => {
  const granted = told('g', { when: '2026-01-05' });
  const denied = (when: string, changed?: number) =>
    told('d', { by: 'q', code: 'A3', when, ...(changed === undefined ? {} : { changed }) });
  for (const order of [(a: Told, b: Told) => since(a, b), (a: Told, b: Told) => since(b, a)]) {
    expect(order(granted, denied('2026-01-06'))).toEqual(['g']);
    expect(order(granted, denied('2026-01-04'))).toEqual([]);
    expect(order(granted, denied('2026-01-05'))).toEqual(['g']);
    expect(order({ ...granted, changed: 2 }, denied('2026-01-05', 1))).toEqual([]);
    expect(order({ ...granted, changed: 1 }, denied('2026-01-05', 2))).toEqual(['g']);
    // who says no time at all was before everybody who does
    expect(order(told('g', {}), denied('', 1))).toEqual(['g']);
    expect(order(told('g', { changed: 1 }), denied(''))).toEqual([]);
    expect(order(told('g', {}), denied(''))).toEqual(['g']);
  }
});

test('one payer that tells both of one time tells of two parts; another person’s copy of one of them goes all the same', () => {
  const when = '2026-01-05';
  const [one, other] = [told('g', { when }), told('c', { by: 'q', when })];
  const denied = told('d', { code: 'A3', when });
  expect(since(one, denied)).toEqual([]);
  expect(since(one, other, denied)).toEqual(['c']);
  // and so does its own from before
  expect(since(told('g', { when: '2026-01-04' }), denied)).toEqual(['g']);
});

test('a denial without a service is of all, and of one service of what asks for it or says nothing', () => {
  const [a, b, none] = [told('a', { asked: ['a'] }), told('b', { asked: ['b'] }), told('none', {})];
  const denied = (asked: string[]) => told('d', { by: 'q', code: 'A3', when: '2026-01-05', asked });
  expect(since(a, b, none, denied([])).sort()).toEqual(['a', 'b', 'none']);
  expect(since(a, b, none, denied(['a'])).sort()).toEqual(['a', 'none']);
  expect(since(told('ab', { asked: ['a', 'b'] }), denied(['b']))).toEqual(['ab']);
  // granted later, for one of them
  const later = told('l', { when: '2026-01-06', asked: ['b'] });
  expect(since(a, b, none, later, denied([])).sort()).toEqual(['a']);
});

test('a denial is none of itself or of others, and what was entered in error is nothing', () => {
  const denied = (id: string, when: string, status?: string) =>
    told(id, { by: id, code: 'A3', when, ...(status === undefined ? {} : { status }) });
  expect(since(denied('d', '2026-01-05'), denied('e', '2026-01-06'), told('g', {}))).toEqual(['g']);
  expect(since(told('g', {}), denied('d', '2026-01-05', 'entered-in-error'))).toEqual([]);
  expect(since({ ...told('g', {}), insurer: 'j' }, denied('d', '2026-01-05'))).toEqual([]);
});

test('of one of which a part was denied since, copies from before have that part still; those that leave it out too stay', () => {
  const granted = told('g', { by: 'q', when: '2026-01-05', asked: ['a', 'b'] });
  const partly = (id: string, by: string, when = '2026-01-06') =>
    told(id, { by, code: 'A2', when, asked: ['a'], isPartly: true });
  expect(since(granted, partly('n', 'p'))).toEqual(['g']);
  expect(since(granted, partly('n', 'p'), partly('m', 'q'))).toEqual(['g']);
  expect(since(granted, partly('n', 'p', '2026-01-04'))).toEqual([]);
  expect(since(partly('n', 'p'))).toEqual([]);
  // granted in whole after all
  expect(since(granted, partly('n', 'p'), told('l', { by: 'p', when: '2026-01-07', asked: ['a', 'b'] }))).toEqual([]);
  // anyone who tells a whole one of the same time beside the other one’s
  expect(since(told('w', { by: 'q', code: 'A2', when: '2026-01-06', asked: ['a', 'b'] }), partly('n', 'p'))).toEqual([
    'w',
  ]);
});

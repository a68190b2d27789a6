// Several events of one kind and one time at each payer: each is one of the other payer's at most.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Event, type MaybeSame, pairKey, settleEvents } from '../../../exchange/reconcile/judge/one-to-one.ts';

const event = (id: string, says: Record<string, string> = {}): Event => ({
  id,
  origin: id.slice(0, 1),
  says: new Map(Object.entries(says)),
});
/** Each with each of the other origins. */
const all = (events: readonly Event[]): MaybeSame[] =>
  events.flatMap((a, i) =>
    events.slice(i + 1).flatMap((b): MaybeSame[] => (a.origin === b.origin ? [] : [{ a: a.id, b: b.id, as: 'event' }])),
  );
const never = () => false;
const settled = (events: Event[], pairs = all(events), apart: (a: Event, b: Event) => boolean = never) => {
  const found: Record<string, string[]> = {};
  for (const [key, state] of [...settleEvents(events, pairs, apart)].sort(([x], [y]) => (x < y ? -1 : 1)))
    found[state] = [...(found[state] ?? []), key];
  return found;
};

test('what two records say beside their key tells which is which', () => {
  const notes = (id: string, note: string) => event(id, { note, site: 'arm' });
  expect(settled([notes('x1', 'first'), notes('x2', 'second'), notes('y1', 'second'), notes('y2', 'first')])).toEqual({
    confirmed: ['x1|y2', 'x2|y1'],
    apart: ['x1|y1', 'x2|y2'],
  });
  // one that says nothing is what is left
  expect(settled([notes('x1', 'first'), notes('x2', 'second'), event('y1'), notes('y2', 'first')])).toEqual({
    confirmed: ['x1|y2', 'x2|y1'],
    apart: ['x1|y1', 'x2|y2'],
  });
});

test('of those that look alike the first is the first, and one more is left over', () => {
  expect(settled([event('x1'), event('x2'), event('y1'), event('y2')])).toEqual({
    confirmed: ['x1|y1', 'x2|y2'],
    apart: ['x1|y2', 'x2|y1'],
  });
  expect(settled([event('x1'), event('y1'), event('y2')])).toEqual({ confirmed: ['x1|y1'], apart: ['x1|y2'] });
  expect(settled([event('x1'), event('x2'), event('y1'), event('y2'), event('z1'), event('z2')]).confirmed).toEqual([
    'x1|y1',
    'x1|z1',
    'x2|y2',
    'x2|z2',
    'y1|z1',
    'y2|z2',
  ]);
});

test('a person is asked where it makes a difference and nothing tells', () => {
  const [a, b] = [event('y1', { note: 'a' }), event('y2', { note: 'b' })];
  expect(settled([event('x1'), a, b])).toEqual({ proposed: ['x1|y1', 'x1|y2'] });
  // two that look alike may be either
  expect(settled([event('x1'), event('x2'), a, b])).toEqual({
    confirmed: ['x1|y1', 'x2|y2'],
    apart: ['x1|y2', 'x2|y1'],
  });
  // of three payers the third may be either of two that exclude each other
  const [u, d, e] = [event('u1'), event('d1', { day: '1' }), event('e1', { day: '2' })];
  const pairs: MaybeSame[] = [
    { a: 'u1', b: 'd1', as: 'event' },
    { a: 'u1', b: 'e1', as: 'event' },
  ];
  expect(settled([u, d, e], pairs, (x, y) => x.says.get('day') !== y.says.get('day') && x !== u && y !== u)).toEqual({
    proposed: ['d1|u1', 'e1|u1'],
  });
  expect(settled([u, d, e], pairs)).toEqual({ confirmed: ['d1|u1', 'e1|u1'] });
});

test('a number or a person outweighs what they say; whom a person distinguished stays apart', () => {
  const events = [event('x1', { note: 'a' }), event('x2'), event('y1', { note: 'a' }), event('y2')];
  const pairs = all(events);
  const as = (key: string, how: MaybeSame['as']) =>
    pairs.map((p): MaybeSame => (pairKey(p.a, p.b) === key ? { ...p, as: how } : p));
  expect(settled(events, as('x1|y2', 'firm')).confirmed).toEqual(['x2|y1']);
  expect(settled(events, as('x1|y1', 'rejected'))).toEqual({ proposed: ['x1|y2', 'x2|y1', 'x2|y2'] });
});

test('no one is asked which of very many one is', () => {
  const many = [...Array(11).keys()].map((n) => event(`y${n}`, { note: String(n) }));
  expect(settled([event('x1'), ...many.slice(1)])['proposed']).toHaveLength(10);
  expect(settled([event('x1'), ...many])['proposed']).toBeUndefined();
});

test('no two of one payer become one, and what comes out depends on no order', () => {
  const events = fc.uniqueArray(
    fc.record({
      id: fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.integer({ min: 1, max: 4 })).map(([o, n]) => `${o}${n}`),
      note: fc.constantFrom(undefined, 'a', 'b'),
      day: fc.constantFrom(undefined, '1', '2'),
    }),
    { selector: (e) => e.id, maxLength: 9 },
  );
  const apart = (a: Event, b: Event) => {
    const [x, y] = [a.says.get('day'), b.says.get('day')];
    return x !== undefined && y !== undefined && x !== y;
  };
  fc.assert(
    fc.property(events, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (made, random) => {
      const list = made.map(({ id, note, day }) => event(id, { ...(note && { note }), ...(day && { day }) }));
      const pairs = all(list).filter((p) => {
        const of = (id: string) => list.find((e) => e.id === id) as Event;
        return !apart(of(p.a), of(p.b));
      });
      const shuffle = <T>(of: readonly T[]): T[] =>
        of
          .map((x) => [Number(random.next().value), x] as const)
          .sort(([x], [y]) => x - y)
          .map(([, x]) => x);
      const one = settled(list, pairs, apart);
      const turned = shuffle(pairs).map((p, i) => (i % 2 === 0 ? p : { ...p, a: p.b, b: p.a }));
      expect(settled(shuffle(list), turned, apart)).toEqual(one);
      const groups = new Map(list.map((e) => [e.id, new Set([e])]));
      for (const key of one['confirmed'] ?? []) {
        const [a = '', b = ''] = key.split('|');
        const union = new Set([...(groups.get(a) ?? []), ...(groups.get(b) ?? [])]);
        for (const e of union) groups.set(e.id, union);
      }
      for (const group of groups.values()) {
        expect(new Set([...group].map((e) => e.origin)).size).toBe(group.size);
        expect([...group].some((a) => [...group].some((b) => apart(a, b)))).toBe(false);
      }
    }),
  );
});

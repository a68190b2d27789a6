// Copies of one record that a payer passes on: known by what they are informed to be copies of, and shown once, also where one payer sends several.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const B = 'https://b.example/fhir';
const C = 'https://c.example/r4';
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] });
});
afterAll(() => node.close());

const visit = (id: string, day: string, more: object = {}) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: 'Patient/p1' },
  period: { start: day, end: day },
  ...more,
});
const from = (source: string) => ({ meta: { source } });
const noted = (system: string, value: string) => ({ identifier: [{ use: 'secondary', system, value }] });

/** Source ids of those that are linked, two and two. */
const links = async (like: string): Promise<string[]> =>
  (
    await node.sql<{ pair: string }[]>`
      select least(a.source_id, b.source_id) || '=' || greatest(a.source_id, b.source_id) || ' ' || l.kind || ' ' || l.rule as pair
      from exchange.link l join exchange.resource a on a.member_id = l.member_id and a.type = l.type and a.id = l.a_id
      join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id = l.b_id
      where l.state = 'confirmed' and a.source_id like ${like} order by 1`
  ).map((l) => l.pair);
const body = async (sourceId: string) => {
  const [row] = await node.sql<{ body: string }[]>`select body from exchange.resource where source_id = ${sourceId}`;
  return JSON.parse(row?.body ?? '{}') as { meta: { source: string }; identifier?: object[] };
};

test('two of one payer that are copies of one record are one, in one pull and in a later one; two that only look alike are two', async () => {
  const { id } = await node.pull(
    [
      output(
        'Encounter',
        visit('x1', '2026-02-01', from(`${B}/Encounter/b1`)),
        // by a third one, who tells what it had it from
        visit('x2', '2026-02-01', { ...from(`${C}/Encounter/c1`), ...noted(`${B}/Encounter`, 'b1') }),
        visit('x3', '2026-02-01'),
        visit('x4', '2026-02-01', from(`${C}/Encounter/c4`)),
      ),
    ],
    { since: new Date() },
  );
  expect(await links('x%')).toEqual(['x1=x2 same-record source']);
  expect((await node.ledger(id)).sort()).toEqual([
    'created Encounter/x1',
    'created Encounter/x3',
    'created Encounter/x4',
    'linked-duplicate Encounter/x2',
  ]);
  await node.pull([output('Encounter', visit('x5', '2026-02-01', from(`${B}/Encounter/b1/_history/3`)))], {
    since: new Date(),
  });
  expect(await links('x%')).toEqual([
    'x1=x2 same-record source',
    'x1=x5 same-record source',
    'x2=x5 same-record source',
  ]);
  // what each was called stays with it, for whom it is reported next
  expect((await body('x2')).identifier).toEqual([
    { use: 'secondary', system: `${B}/Encounter`, value: 'b1' },
    { use: 'secondary', system: `${C}/Encounter`, value: 'c1' },
  ]);
  expect((await body('x1')).meta.source).toBe('https://prior.example/fhir/Encounter/x1');
  expect((await body('x3')).identifier).toBeUndefined();
});

test('the record itself, and those of another payer that are copies of it, are one with them, whichever comes first', async () => {
  const O = 'https://other.example/fhir';
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('other', 'Other', '9000000020', 'active', ${O}, array['https://other.example'], 'test')`;
  const copy = (id: string) => visit(id, '2026-03-01', from(`${O}/Encounter/o1`));
  const of = { since: new Date() };
  await node.pull([output('Encounter', copy('y1'))], of);
  await node.pull([output('Encounter', visit('o1', '2026-03-01'), visit('o2', '2026-03-01'))], {
    ...of,
    peer: 'other',
  });
  await node.pull([output('Encounter', copy('y2'))], of);
  expect([...(await links('o%')), ...(await links('y%'))].sort()).toEqual(
    ['o1=y1', 'o1=y2', 'y1=y2'].map((pair) => `${pair} same-record source`),
  );
});

test('what contradicts the record that it is asked to be a copy of is an item for a person, and no copy', async () => {
  const said = (id: string, value: number) =>
    lab(id, {
      ...from(`${B}/Observation/r1`),
      effectiveDateTime: '2026-04-01T08:00:00Z',
      valueQuantity: { value, code: 'g/dL' },
    });
  await node.pull([output('Observation', said('z1', 5), said('z2', 9))], { since: new Date() });
  expect(await links('z%')).toEqual([]);
  const items = await node.sql`select kind, state from exchange.review_item where type = 'Observation'`;
  expect(items).toEqual([{ kind: 'value-mismatch', state: 'open' }]);
});

test('thousands that are reported to be copies of one record are compared with a few of them', async () => {
  const many = Array.from({ length: 3000 }, (_, i) => visit(`w${i}`, '2026-05-01', from(`${B}/Encounter/many`)));
  const { id } = await node.pull([output('Encounter', ...many)], { since: new Date() });
  const [row] = await node.sql<{ n: number }[]>`
    select count(*)::int as n from exchange.link where pull_id = ${id} and state = 'confirmed'`;
  // all hang together by the first ones
  expect(row?.n).toBe(4 + 3 + 2 + 1 + (3000 - 5) * 5);
});

test('a copy from before its payer changed the record is one with it and no contradiction, whichever comes first; the record is what is shown', async () => {
  const D = 'https://d.example/fhir';
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('d', 'D', '9000000038', 'active', ${D}, array['https://d.example'], 'test')`;
  const result = (id: string, changed: string, hour: string, value: number, meta: object = {}) =>
    lab(id, {
      meta: { lastUpdated: changed, ...meta },
      effectiveDateTime: `2026-06-01T${hour}:00:00Z`,
      valueQuantity: { value, code: 'g/dL' },
    });
  const copy = (n: number, at: string, hour: string, value: number, more = '') =>
    result(`v${n}${more}`, at, hour, value, { source: `${D}/Observation/q${n}` });
  const of = { since: new Date() };
  const theirs = (...records: object[]) => node.pull([output('Observation', ...records)], { ...of, peer: 'd' });
  const passed = (...records: object[]) => node.pull([output('Observation', ...records)], of);
  const EARLY = '2026-06-02T00:00:00Z';
  const LATER = '2026-06-05T00:00:00Z';
  const LAST = '2026-06-09T00:00:00Z';
  await passed(copy(1, EARLY, '08', 5));
  await theirs(
    result('q1', LATER, '08', 6),
    // of another hour, too
    result('q2', LATER, '12', 6),
    result('q3', LATER, '14', 6),
    result('q4', LATER, '16', 6),
    result('q5', EARLY, '18', 6),
  );
  await passed(
    copy(2, EARLY, '11', 5),
    // which of two it is no one knows
    copy(3, EARLY, '14', 5),
    copy(3, EARLY, '14', 7, 'b'),
    // changed after the record was
    copy(4, LAST, '16', 5),
    copy(5, EARLY, '18', 6),
  );
  const open = async () =>
    [
      ...(await node.sql<{ pair: string }[]>`
        select least(a.source_id, b.source_id) || '≠' || greatest(a.source_id, b.source_id) as pair
        from exchange.review_item i join exchange.resource a on a.member_id = i.member_id and a.type = i.type and a.id = i.a_id
        join exchange.resource b on b.member_id = i.member_id and b.type = i.type and b.id = i.b_id
        where i.state = 'open' and i.kind = 'value-mismatch' and b.source_id like any(array['q%', 'v%']) order by 1`),
    ].map((i) => i.pair);
  expect([...(await links('q%')), ...(await links('v%'))].sort()).toEqual(
    ['q1=v1', 'q2=v2', 'q5=v5'].map((pair) => `${pair} same-record source`),
  );
  expect(await open()).toEqual(['q3≠v3', 'q3≠v3b', 'q4≠v4', 'v3≠v3b']);
  // one that was the same is changed there: the copy stays what it was
  await theirs(result('q5', LAST, '18', 8));
  expect(await links('q5%')).toEqual(['q5=v5 same-record source']);
  expect(await open()).toEqual(['q3≠v3', 'q3≠v3b', 'q4≠v4', 'v3≠v3b']);
  const folded = await foldedOf(node.deps, 'm1');
  const shown = await node.sql<{ source: string; key: string }[]>`
    select source_id as source, type || '/' || id as key from exchange.resource where source_id = any('{q1,q2,q5,v1,v2,v5}')`;
  expect(
    shown
      .filter((r) => !folded?.shownAs.has(r.key))
      .map((r) => r.source)
      .sort(),
  ).toEqual(['q1', 'q2', 'q5']);
});

test('two copies of one that one payer tells in two versions are two, and a contradiction, until they say the same; then they are one, and two again when they differ', async () => {
  const said = (id: string, source: string, changed: number, value: number) =>
    lab(id, {
      meta: { source, lastUpdated: `2026-08-0${changed}T00:00:00Z` },
      effectiveDateTime: '2026-08-01T08:00:00Z',
      valueQuantity: { value, code: 'g/dL' },
      ...(id === 'j2' ? noted(`${B}/Observation`, 'j') : {}),
    });
  const first = (changed: number, value: number) => said('j1', `${B}/Observation/j`, changed, value);
  const tell = (...records: object[]) => node.pull([output('Observation', ...records)], { since: new Date() });
  const state = async () => {
    const items = await node.sql<{ state: string }[]>`
      select i.state from exchange.review_item i join exchange.resource a on a.member_id = i.member_id and a.type = i.type and a.id = i.a_id and a.source_id like 'j%'`;
    const merged = await foldedOf(node.deps, 'm1');
    const keys = await node.sql<{ key: string }[]>`
      select type || '/' || id as key from exchange.resource where source_id in ('j1', 'j2')`;
    return [items.map((i) => i.state), keys.filter((k) => merged?.shownAs.has(k.key) === false).length];
  };
  await tell(first(1, 5), said('j2', `${C}/Observation/j`, 2, 6));
  expect(await state()).toEqual([['open'], 2]);
  await tell(first(3, 6));
  expect(await links('j%')).toEqual(['j1=j2 same-record source']);
  expect(await state()).toEqual([['gone'], 1]);
  await tell(first(4, 7));
  expect(await links('j%')).toEqual([]);
  expect(await state()).toEqual([['open'], 2]);
});

test('what one payer tells of its own and passes on of two others is compared as if each had reported it', async () => {
  const [E, F] = ['https://e.example/fhir', 'https://f.example/fhir'];
  const of = { since: new Date() };
  const numbered = (id: string, more: object = {}) =>
    lab(id, {
      identifier: [{ system: 'https://lab.example', value: 'L77' }],
      effectiveDateTime: '2026-07-01T08:00:00Z',
      ...more,
    });
  const at = (id: string, hour: string, more: object = {}) =>
    lab(id, { effectiveDateTime: `2026-07-02T${hour}:00:00Z`, ...more });
  // by number; by what they say; of one payer two events
  await node.pull(
    [
      output('Observation', numbered('u1'), numbered('u2', from(`${E}/Observation/1`))),
      output(
        'Observation',
        at('t1', '09'),
        at('t2', '09', from(`${E}/Observation/2`)),
        at('s1', '10', from(`${E}/Observation/3`)),
        at('s2', '10', from(`${E}/Observation/4`)),
      ),
    ],
    of,
  );
  expect([...(await links('u%')), ...(await links('t%')), ...(await links('s%'))]).toEqual([
    'u1=u2 same-record accession',
    't1=t2 same-event result',
  ]);
  // later, by a third one; and one of its own beside what was passed on
  await node.pull(
    [
      output('Observation', numbered('u3', from(`${F}/Observation/9`))),
      output('Observation', at('s3', '10', from(`${F}/Observation/3`)), at('t3', '09')),
    ],
    of,
  );
  expect(await links('u%')).toEqual(['u1=u2', 'u1=u3', 'u2=u3'].map((pair) => `${pair} same-record accession`));
  // each is one of the other's at most
  expect((await links('t%')).length).toBe(1);
  expect((await links('s%')).length).toBe(1);
});

test('a record that its payer takes back takes its older copies from view, whichever is reported first, and brings them back with it', async () => {
  const G = 'https://g.example/fhir';
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('g', 'G', '9000000046', 'active', ${G}, array['https://g.example'], 'test')`;
  const [EARLY, NOW, LATER] = ['2026-08-02T00:00:00Z', '2026-08-05T00:00:00Z', '2026-08-09T00:00:00Z'];
  const result = (n: number, changed = EARLY) =>
    lab(`g${n}`, { meta: { lastUpdated: changed }, effectiveDateTime: `2026-08-01T1${n}:00:00Z` });
  const copy = (n: number, changed: string, more = '') =>
    lab(`k${n}${more}`, {
      meta: { lastUpdated: changed, source: `${G}/Observation/g${n}` },
      effectiveDateTime: `2026-08-01T1${n}:00:00Z`,
    });
  const at = (day: string) => ({ since: new Date(), madeAt: new Date(`${day}T12:00:00Z`) });
  await node.pull([output('Observation', copy(1, EARLY))], at('2026-08-03'));
  await node.pull([output('Observation', result(1), result(2), result(3), result(4))], {
    ...at('2026-08-04'),
    peer: 'g',
  });
  const gone = [1, 2, 3, 4].map((n) => `Observation/g${n}`);
  await node.pull([deletions(...gone)], { ...at('2026-08-06'), peer: 'g' });
  await node.pull(
    [output('Observation', copy(2, NOW), copy(3, LATER), copy(4, EARLY), copy(4, EARLY, 'b'))],
    at('2026-08-10'),
  );
  const outlived = async () =>
    [
      ...(await node.sql<{ id: string }[]>`
        select source_id as id from exchange.resource where withheld = 'outlived' order by 1`),
    ].map((r) => r.id);
  const hidden = async () => {
    const folded = await foldedOf(node.deps, 'm1');
    const rows = await node.sql<{ id: string; key: string }[]>`
      select source_id as id, type || '/' || id as key from exchange.resource where source_id like 'k%' order by 1`;
    return rows.flatMap((r) => (folded?.hidden.get(r.key) === 'outlived' ? r.id : []));
  };
  expect(await outlived()).toEqual(['k1', 'k2']);
  expect(await hidden()).toEqual(['k1', 'k2']);
  // it stays so when the copy is reported once more as it is, and is shown when it was changed since, or the record is there again
  await node.pull([output('Observation', copy(1, EARLY), copy(2, NOW))], at('2026-08-11'));
  expect(await outlived()).toEqual(['k1', 'k2']);
  await node.pull([output('Observation', { ...copy(1, LATER), status: 'amended' })], at('2026-08-12'));
  expect(await outlived()).toEqual(['k2']);
  await node.pull([output('Observation', result(2))], { ...at('2026-08-13'), peer: 'g' });
  expect(await outlived()).toEqual([]);
  expect(await hidden()).toEqual([]);
});

test('no one is asked about a record that goes with the pull that brings the other one', async () => {
  const said = (id: string, value: number, more: object = {}) =>
    lab(id, { effectiveDateTime: '2026-09-01T08:00:00Z', valueQuantity: { value, code: 'g/dL' }, ...more });
  const noted = from(`${B}/Observation/i`);
  const asked = async () =>
    [
      ...(await node.sql<{ ids: string }[]>`
      select string_agg(r.source_id, ' ' order by r.source_id) as ids from exchange.review_item i
      join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id in (i.a_id, i.b_id)
      where i.state = 'open' and r.source_id like 'i%' group by i.id order by 1`),
    ].map((i) => i.ids);
  const of = { since: new Date() };
  await node.pull([output('Observation', said('i1', 5, noted))], of);
  // by what it says of its own, and by the name
  await node.pull([output('Observation', said('i2', 6)), deletions('Observation/i1')], of);
  expect(await asked()).toEqual([]);
  await node.pull([output('Observation', said('i3', 7, noted))], of);
  expect(await asked()).toEqual(['i2 i3']);
  await node.pull([output('Observation', said('i4', 8, noted)), deletions('Observation/i3', 'Observation/i2')], of);
  expect(await asked()).toEqual([]);
});

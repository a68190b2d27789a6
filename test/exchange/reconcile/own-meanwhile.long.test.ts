// Our own records that are imported while a pull that tells the same is decided and not committed, in transactions of their own: what comes out is
// what comes out one after the other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allCompared } from '../../../exchange/commands/doctor.ts';
import { finishImports } from '../../../exchange/members/enrolment/finish-interrupted-imports.ts';
import { againOf, underImport, whenLeft } from '../../../exchange/records/left-imports.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { meanwhile } from './meanwhile.ts';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

/** A slice of members is decided, judged and about to be written. */
const BEFORE_A_SLICE = `update on exchange.pull_slice for each row when (new.state = 'booking' and new.first_bucket >= 0)`;
/** Everything is decided, and the slices are planned. */
const WHEN_DECIDED = 'insert on exchange.pull_slice for each row';

const numbered = (id: string, number: string, more: object = {}) =>
  lab(id, { identifier: [{ system: 'urn:lab', value: number }], ...more });
const ours = (id: string, number: string, more: object = {}) =>
  numbered(id, number, { subject: { reference: 'Patient/m1' }, ...more });

async function links(id: string): Promise<{ other: string; state: string; kind: string }[]> {
  return [
    ...(await node.sql<{ other: string; state: string; kind: string }[]>`
      select case when l.a_id = ${id} then b.source_id else a.source_id end as other, l.state, l.kind
      from exchange.link l join exchange.resource a on a.id = l.a_id and a.type = l.type join exchange.resource b on b.id = l.b_id and b.type = l.type
      where ${id} in (l.a_id, l.b_id)`),
  ];
}

test.each([
  ['a', BEFORE_A_SLICE],
  ['b', WHEN_DECIDED],
])('a result of ours that is imported meanwhile is linked with theirs (%s)', async (name, place) => {
  const pull = () => node.pull([output('Observation', numbered(`t-${name}`, `N-${name}`, { status: 'amended' }))]);
  const { id, state } = await meanwhile(node, place, pull, () => node.own(ours(`o-${name}`, `N-${name}`)));
  expect(state).toBe('done');
  expect(await links(`o-${name}`)).toEqual([{ other: `t-${name}`, state: 'confirmed', kind: 'same-record' }]);
  expect(await node.ledger(id)).toEqual([`linked-duplicate Observation/t-${name}`]);
});

test('a value of ours that contradicts theirs is an item, and one only', async () => {
  const other = { valueQuantity: { value: 9.1, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' } };
  await meanwhile(
    node,
    BEFORE_A_SLICE,
    () => node.pull([output('Observation', numbered('t-c', 'N-c'))]),
    () => node.own(ours('o-c', 'N-c', other)),
  );
  const items = await node.sql`select kind, state from exchange.review_item where 'o-c' in (a_id, b_id)`;
  expect([...items]).toEqual([{ kind: 'value-mismatch', state: 'open' }]);
});

test('a record of ours that comes back while it is imported is an echo', async () => {
  const theirs = numbered('t-d', 'N-d', { meta: { source: 'https://ours.example/exchange/fhir/Observation/o-d' } });
  const { id } = await meanwhile(
    node,
    BEFORE_A_SLICE,
    () => node.pull([output('Observation', theirs)]),
    () => node.own(ours('o-d', 'N-d')),
  );
  expect(await node.ledger(id)).toEqual(['echo Observation/t-d']);
});

test('a new organization of ours is the one that theirs is', async () => {
  const organization = (id: string) => ({
    resourceType: 'Organization',
    id,
    identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000122' }],
    name: 'One',
  });
  const { id } = await meanwhile(
    node,
    `update on exchange.pull_slice for each row when (new.state = 'booking' and new.first_bucket < 0)`,
    () => node.pull([output('Organization', organization('t-e'))]),
    () => node.own(organization('o-e')),
  );
  expect(await node.ledger(id)).toEqual(['shared Organization/t-e']);
});

test('an import about other members disturbs nothing', async () => {
  const { id } = await meanwhile(
    node,
    BEFORE_A_SLICE,
    async () => node.pull([output('Observation', numbered('t-f', 'N-f'))]),
    () => node.own(ours('o-f', 'N-f', { subject: { reference: 'Patient/m2' } })),
  );
  expect(await node.ledger(id)).toEqual(['created Observation/t-f']);
});

test.each([
  ['g', `insert on exchange.link for each row`, true],
  ['h', `insert on exchange.resource for each row when (new.id = 'o-h')`, false],
])(
  'an import that dies is gone on with by the next one: what was there is compared (%s)',
  async (name, place, isThere) => {
    await node.pull([output('Observation', numbered(`t-${name}`, `N-${name}`))]);
    const mine = ours(`o-${name}`, `N-${name}`, { status: 'amended' });
    await node.sql.unsafe(
      `create function exchange.dies() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`,
    );
    await node.sql.unsafe(`create trigger dies before ${place} execute function exchange.dies()`);
    try {
      await expect(node.own(mine)).rejects.toThrow('killed');
    } finally {
      await node.sql`drop function exchange.dies cascade`;
    }
    const left = () => node.sql`select from exchange.staging where pull_id like 'import-%'`;
    expect((await left()).length > 0).toBe(isThere);
    expect(await links(`o-${name}`)).toEqual([]);
    await node.own(mine);
    expect(await links(`o-${name}`)).toEqual([{ other: `t-${name}`, state: 'confirmed', kind: 'same-record' }]);
    expect(await left()).toHaveLength(0);
  },
);

test.each([
  ['k', 'is there'],
  ['l', 'went with the process of the database'],
  ['n', 'was staged by an older program, under other keys'],
])('an import that dies is finished by a serving node, also when what it staged %s', async (name) => {
  const [one, two] = [`${name}-1`, `${name}-2`];
  await node.pull([output('Observation', numbered(`t-${one}`, `N-${one}`), numbered(`t-${two}`, `N-${two}`))]);
  await node.own(ours(`o-${two}`, `N-${two}`, { status: 'amended' }));
  await node.sql.unsafe(`
    create function exchange.dies() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$;
    create trigger dies before insert on exchange.match_judgement for each row execute function exchange.dies()`);
  try {
    await expect(node.own(ours(`o-${one}`, `N-${one}`, { status: 'amended' }))).rejects.toThrow('killed');
  } finally {
    await node.sql`drop function exchange.dies cascade`;
  }
  if (name === 'l')
    await node.sql`truncate exchange.staging, exchange.staged_text, exchange.staged_reference, exchange.match_judgement`;
  if (name === 'n') await node.sql`update exchange.staging set keys = '{e:older}'`;
  await expect(allCompared(node.sql)).rejects.toThrow('those of 1 member are not compared yet');
  await finishImports(node.deps);
  await expect(allCompared(node.sql)).resolves.toBe('compared with what payers sent');
  for (const n of [one, two])
    expect(await links(`o-${n}`)).toEqual([{ other: `t-${n}`, state: 'confirmed', kind: 'same-record' }]);
  expect(await node.sql`select from exchange.staging`).toHaveLength(0);
});

test('what an import that lives has staged is left alone, and what one that died had not committed is cleared', async () => {
  const stage = (work: string) =>
    node.sql`insert into exchange.staging (pull_id, file, line, entry, type, source_id) values (${work}, 0, 1, 0, 'Observation', 'x')`;
  const staged = async () =>
    (await node.sql<{ work: string }[]>`select pull_id as work from exchange.staging`).map((r) => r.work);
  await Promise.all(['import-dead', 'import-lives', 'pull'].map(stage));
  await underImport(node.deps.database, 'import-lives', () => node.own(ours('o-i', 'N-i')));
  expect((await staged()).sort()).toEqual(['import-lives', 'pull']);
  await node.own(ours('o-i', 'N-i'));
  expect(await staged()).toEqual(['pull']);
  await node.sql`delete from exchange.staging`;
});

test('what is staged by who finishes an import is not taken for what one that died has left', async () => {
  let taken = 0;
  const take = (work: string, then: () => Promise<void> = async () => {}) =>
    whenLeft(node.deps.database, work, async () => {
      taken++;
      await then();
    });
  await take('import-m', () => take(againOf('import-m')));
  expect(taken).toBe(1);
  await take(againOf('import-m'));
  expect(taken).toBe(2);
});

test('a record of ours that is one with more than are compared without a look is taken in', async () => {
  const theirs = Array.from({ length: 12 }, (_, i) => numbered(`t-j${i}`, 'N-j'));
  await node.pull([output('Observation', ...theirs)]);
  await node.own(ours('o-j', 'N-j'));
  expect(await links('o-j')).toHaveLength(12);
  expect(await node.sql`select from exchange.staging`).toHaveLength(0);
});

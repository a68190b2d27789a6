// The conservation law under random files: good, broken, repeated, foreign and deleted lines in any order and cut. What
// was received decides what is known, not how it was cut into files; a replay changes nothing. (R82)
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws, extent } from '../../journey/laws.ts';
import { deletions, lab, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

type Piece = { kind: 'good' | 'foreign' | 'gone'; id: number; version: number } | { kind: 'broken'; text: string };

const piece: fc.Arbitrary<Piece> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('good' as const),
      id: fc.nat(6),
      version: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('gone' as const), id: fc.nat(9), version: fc.constant(0) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('foreign' as const),
      id: fc.nat(9),
      version: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('broken' as const),
      text: fc.oneof(
        fc.constantFrom('{', '[]', '7', '{"resourceType":"Observation"}', '{"resourceType":1,"id":"x"}'),
        fc.json({ maxDepth: 3 }),
      ),
    }),
  },
);

/** Order of the pieces and where they are cut into files. */
const arrangement = (size: number) =>
  fc.record({
    order: fc.shuffledSubarray([...Array(size).keys()], { minLength: size, maxLength: size }),
    files: fc.integer({ min: 1, max: 4 }),
  });

function filesOf(pieces: readonly Piece[], how: { order: number[]; files: number }, run: string): RawFile[] {
  const files: RawFile[] = [];
  const gone: string[] = [];
  for (const [at, index] of how.order.entries()) {
    const p = pieces[index];
    if (p?.kind === 'gone') gone.push(`Observation/${run}-${p.id}`);
    if (p === undefined || p.kind === 'gone') continue;
    // a file of which no line is a record waits for a person: each has one
    const whole = JSON.stringify(lab(`w-${run}-${at % how.files}`));
    const file = files[at % how.files] ?? { kind: 'output', type: 'Observation', lines: [whole] };
    files[at % how.files] = file;
    file.lines.push(
      p.kind === 'broken'
        ? p.text
        : JSON.stringify(
            lab(`${run}-${p.id}`, {
              meta: { lastUpdated: `2026-01-0${p.version}T00:00:00Z` },
              subject: { reference: p.kind === 'good' ? `Patient/p${(p.id % 2) + 1}` : 'Patient/stranger' },
              note: [{ text: `version ${p.version}` }],
            }),
          ),
    );
  }
  if (gone.length > 0) files.splice((how.order[0] ?? 0) % 2, 0, deletions(...gone));
  return files
    .filter((f) => f !== undefined)
    .map((f) => ({ ...f, declared: f.lines.filter((l) => l.trim() !== '').length }));
}

const known = async (run: string) => [
  ...(await node.sql`
    select replace(i.source_id, ${run}, '') as id, i.state, r.deleted, r.member_id as member, r.body::jsonb #>> '{note,0,text}' as note
    from exchange.identity i left join exchange.resource r on r.id = i.local_id and r.type = i.type
    where i.source_id like ${`${run}-%`} order by 1`),
];

let runs = 0;
test('every line has one outcome, the state does not depend on the order, and a replay changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .array(piece, { minLength: 1, maxLength: 25 })
        .chain((pieces) => fc.tuple(fc.constant(pieces), arrangement(pieces.length), arrangement(pieces.length))),
      async ([pieces, one, other]) => {
        runs++;
        const [a, b] = [`a${runs}`, `b${runs}`];
        const filesA = filesOf(pieces, one, a);
        const first = await node.pull(filesA);
        expect(first.state).toBe('done');
        const units = pieces.length;
        expect(await node.ledger(first.id)).toHaveLength(units + filesA.filter((f) => f.kind === 'output').length);
        expect((await node.pull(filesOf(pieces, other, b))).state).toBe('done');
        expect(await known(a)).toEqual(await known(b));

        const before = await extent(node.sql);
        const again = await node.pull(filesA);
        expect(await extent(node.sql)).toEqual(before);
        for (const row of await node.ledger(again.id)) expect(row).toMatch(/^(unchanged|quarantined|rejected)/);
        expect(await brokenLaws(node.sql)).toEqual({});
      },
    ),
    { numRuns: 4, seed: 20261124 },
  );
});

// In whatever order payers are asked, and we import, the same is linked, contradicted and shown.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldedOf } from '../../exchange/records/view/folded.ts';
import { deletions, lab, output, PEER, reconciler } from '../exchange/reconcile/reconcile-pull.ts';

const PAYERS = ['own', PEER, 'second', 'third'] as const;
type Payer = (typeof PAYERS)[number];
/** What a payer tells at once. Each record is told by one step, or told and corrected, or told and taken back. */
type Said = { minute: number; value: number; number: boolean };
type Step = { payer: Payer; records: (Said & { id: string; version: number })[]; gone: string[]; madeAt: Date };

const said: fc.Arbitrary<Said> = fc.record({
  minute: fc.constantFrom(1, 1, 1, 2),
  value: fc.integer({ min: 1, max: 3 }),
  number: fc.boolean(),
});
const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      payer: fc.constantFrom(...PAYERS),
      first: fc.array(said, { minLength: 1, maxLength: 3 }),
      later: fc.array(said, { maxLength: 2 }),
      isCorrected: fc.boolean(),
      isGone: fc.boolean(),
    }),
    { minLength: 2, maxLength: 4 },
  )
  // ours come at once: of several of ours that are one, the newest import stands for them
  .map((all) => all.filter((s, i) => s.payer !== 'own' || all.findIndex((x) => x.payer === 'own') === i))
  .map((all) =>
    all.flatMap((one, n): Omit<Step, 'madeAt'>[] => {
      const named = (list: Said[], from: string) =>
        list.map((s, i) => ({ ...s, id: `${one.payer}-${n}-${from}${i}`, version: 1 }));
      const first = named(one.first, 'a');
      const corrected = first.slice(0, one.isCorrected ? 1 : 0).map((s) => ({ ...s, value: 4 - s.value, version: 2 }));
      const gone = one.isGone && one.payer !== 'own' ? first.slice(1, 2).map((s) => s.id) : [];
      const more = one.payer === 'own' ? [] : [...named(one.later, 'b'), ...corrected];
      return [
        { payer: one.payer, records: first, gone: [] },
        ...(more.length + gone.length === 0 ? [] : [{ payer: one.payer, records: more, gone }]),
      ];
    }),
  )
  // when an answer was made is its own, whenever it is taken in: what was taken back is there again in a later one only
  .map((all) => all.map((s, i) => ({ ...s, madeAt: new Date(Date.UTC(2026, 3, 1, 0, i)) })));
/** All are asked for before any is through. */
const createdAt = new Date(Date.UTC(2026, 3, 1));

const told = (s: Step['records'][number], patient: string) =>
  lab(s.id, {
    meta: { lastUpdated: `2026-01-0${s.version}T0${s.id.length % 10}:00:00Z` },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: `2026-02-03T10:0${s.minute}:00Z`,
    valueQuantity: { value: s.value, code: 'g/dL' },
    ...(s.number ? { identifier: [{ system: 'https://lab.example', value: `${s.minute}-${s.value}` }] } : {}),
  });

/** What is there when the steps have come in an order. */
async function after(steps: readonly Step[]) {
  const node = await reconciler();
  try {
    await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
    for (const id of PAYERS.slice(2))
      await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
        values (${id}, ${id}, null, 'active', ${`https://${id}.example/fhir`}, array[${`https://${id}.example`}], 'test')`;
    for (const s of steps) {
      if (s.payer === 'own') await node.own(...s.records.map((r) => told(r, 'm1')));
      else {
        const records = s.records.map((r) => told(r, 'p1'));
        const files = [
          ...(records.length > 0 ? [output('Observation', ...records)] : []),
          ...(s.gone.length > 0 ? [deletions(...s.gone.map((id) => `Observation/${id}`))] : []),
        ];
        expect((await node.pull(files, { peer: s.payer, since: new Date(), madeAt: s.madeAt, createdAt })).state).toBe(
          'done',
        );
      }
    }
    const links = await node.sql`
      select least(a_id, b_id) as a, greatest(a_id, b_id) as b, kind, state, score, rule from exchange.link where type = 'Observation' order by 1, 2, 3`;
    const items = await node.sql`
      select kind, least(a_id, b_id) as a, greatest(a_id, b_id) as b, rule from exchange.review_item where state = 'open' order by 1, 2, 3`;
    const merged = await foldedOf(node.deps, 'm1');
    const groups = [...(merged?.groups ?? [])].filter(([k]) => k.startsWith('Observation/')).sort();
    return { links: [...links], items: [...items], groups };
  } finally {
    await node.close();
  }
}

test('the order of pulls and imports decides nothing', async () => {
  const cases = steps.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ([one, other]) => {
      expect(await after(other)).toEqual(await after(one));
    }),
    { numRuns: Number(process.env['RUNS'] ?? 4), seed: Number(process.env['SEED'] ?? 20261128) },
  );
}, 300_000);

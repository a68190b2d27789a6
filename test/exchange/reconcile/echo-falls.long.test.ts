// What became of a copy of a record that goes on through us and comes back, when the payer whose record it is takes that back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { deletions, lab, OUR_BASE, output, PEER, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const C = 'https://c.example/fhir';
const result = (id: string, n: number, more: Record<string, unknown> = {}) =>
  lab(id, { effectiveDateTime: `2026-03-0${n}T08:00:00Z`, valueQuantity: { value: n, code: 'g/dL' }, ...more });
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('c', 'C', '9000000020', 'active', ${C}, array['https://c.example'], 'test')`;
  const mine = { subject: { reference: 'Patient/m1' } };
  await node.own(
    { resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] },
    result('own-6', 6, mine),
    result('own-7', 7, mine),
    result('own-8', 8, mine),
  );
});
afterAll(() => node.close());

const of = { since: new Date() };
const theirs = (...files: RawFile[]) => node.pull(files, of);
const passed = async (...files: RawFile[]) => node.ledger((await node.pull(files, { ...of, peer: 'c' })).id);
/** A copy of what we have of the payer `prior`, as the other one had it from us. */
const copy = (n: number) => {
  const ours = localId(PEER, 'Observation', `a${n}`);
  return output('Observation', result(`c${n}`, n, { meta: { source: `${OUR_BASE}/Observation/${ours}` } }));
};
/** What of this number the member's record shows, as `origin/id there`. */
const shown = async (n: number): Promise<string[]> => {
  const merged = await foldedOf(node.deps, 'm1');
  const rows = await node.sql<{ id: string; origin: string; source: string }[]>`
    select id, origin, source_id as source from exchange.resource
    where type = 'Observation' and not deleted and body::jsonb #>> '{valueQuantity,value}' = ${String(n)} order by origin`;
  return rows.flatMap((r) =>
    merged?.standsFor({ type: 'Observation', ...r }) === undefined || merged.hidden.has(`Observation/${r.id}`)
      ? []
      : [`${r.origin}/${r.source}`],
  );
};

test('a copy falls with the record that its payer deletes, also where it comes later or again, and is shown again with it', async () => {
  await theirs(output('Observation', result('a1', 1)));
  expect(await passed(copy(1))).toEqual(['echo Observation/c1']);
  await theirs(deletions('Observation/a1'));
  expect(await shown(1)).toEqual([]);
  expect(await passed(copy(1))).toEqual(['echo Observation/c1']);
  expect(await shown(1)).toEqual([]);
  await theirs(output('Observation', result('a1', 1, { meta: { lastUpdated: '2026-06-01T00:00:00Z' } })));
  expect(await shown(1)).toEqual([`${PEER}/a1`]);

  await theirs(output('Observation', result('a2', 2)));
  await theirs(deletions('Observation/a2'));
  expect(await passed(copy(2))).toEqual(['echo Observation/c2']);
  expect(await shown(2)).toEqual([]);
});

test('one from before its record was labelled beyond the choice does not bring that back into view', async () => {
  await theirs(output('Observation', result('a3', 3)));
  await passed(copy(3));
  const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }];
  await theirs(output('Observation', result('a3', 3, { meta: { lastUpdated: '2026-06-01T00:00:00Z', security } })));
  expect(await shown(3)).toEqual([]);
  expect(await passed(copy(3))).toEqual(['echo Observation/c3']);
  expect(await shown(3)).toEqual([]);
});

test('one that was changed is its own payer’s, and stays; one from before that was had from the payer itself falls too', async () => {
  const base = 'https://prior.example/fhir';
  await theirs(output('Observation', result('a4', 4), result('a5', 5)));
  await passed(
    output(
      'Observation',
      result('c4', 4, { meta: { lastUpdated: '2026-01-03T00:00:00Z', source: `${base}/Observation/a4` } }),
    ),
  );
  await passed(copy(5));
  await passed(
    output('Observation', result('c5', 5, { note: [{ text: 'seen' }], meta: { lastUpdated: '2026-06-01T00:00:00Z' } })),
  );
  await theirs(deletions('Observation/a4', 'Observation/a5'));
  expect([await shown(4), await shown(5)]).toEqual([[], ['c/c5']]);
});

test('what was taken for ours for saying the same alone is its payer’s word when ours is gone, unless it had ours', async () => {
  // word for word, without a name; given to someone, and to that payer
  for (const [n, given] of [
    [6, undefined],
    [7, PEER],
    [8, 'c'],
  ] as const) {
    const one = output('Observation', result(`c${n}`, n));
    const job = `job-${n}`;
    if (given !== undefined) {
      await node.sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values (${job}, 'export', ${given}, 'complete', '', '{}', now(), now())`;
      await node.sql`insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
        values (${given}, 'm1', ${job}, 'regular', 'c-m1', '{}', array[hashtextextended(${`Observation/own-${n}`}, 0)])`;
    }
    expect(await passed(one)).toEqual([`${n === 6 ? 'linked-duplicate' : 'echo'} Observation/c${n}`]);
    await node.ownGone(`Observation/own-${n}`);
    const again = await passed(one);
    expect([again, await shown(n)]).toEqual(
      n === 6
        ? [['unchanged Observation/c6'], ['c/c6']]
        : n === 7
          ? [['created Observation/c7'], ['c/c7']]
          : [['echo Observation/c8'], []],
    );
  }
});

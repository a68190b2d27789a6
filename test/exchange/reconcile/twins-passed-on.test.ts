// A payer has two procedures of one minute. One of them came before, through another payer.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, output, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', name: [{ family: 'Rivera' }] });
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('second', 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
});
afterEach(() => node.close());

const at = '2026-01-01T08:00:00Z';
const procedure = (id: string, text: string, source?: string) => ({
  resourceType: 'Procedure',
  id,
  meta: { lastUpdated: '2026-01-02T03:04:05Z', ...(source === undefined ? {} : { source }) },
  status: 'completed',
  subject: { reference: 'Patient/p1' },
  code: { coding: [{ system: 'http://snomed.info/sct', code: '73946000' }] },
  performedPeriod: { start: at, end: '2026-01-01T08:30:00Z' },
  note: [{ text }],
});
const day = (n: number, peer?: string) => ({ madeAt: new Date(Date.UTC(2026, 1, n)), ...(peer ? { peer } : {}) });
/** What says that we transmitted it once. */
const through = (id: string, of: string) =>
  output('Provenance', {
    resourceType: 'Provenance',
    id,
    target: [{ reference: `Procedure/${of}` }],
    recorded: '2026-06-01T00:00:00Z',
    agent: [
      {
        type: {
          coding: [
            {
              system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
              code: 'transmitter',
            },
          ],
        },
        who: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000004' } },
      },
    ],
  });

test.each([
  ['in one answer', [['c1', 'c2']]],
  ['one after the other', [['c1'], ['c2']]],
])('they stay two: %s', async (_, answers) => {
  const { pull, ledger, sql } = node;
  await pull([output('Procedure', procedure('s1', 'left', `${PEER_BASE}/Procedure/c1`))], day(1, 'second'));
  const told: string[] = [];
  for (const [n, ids] of answers.entries()) {
    const texts = ids.map((id) => procedure(id, id === 'c1' ? 'left' : 'right'));
    const files = [output('Procedure', ...texts), ...(ids.includes('c1') ? [through('t1', 'c1')] : [])];
    told.push(...(await ledger((await pull(files, day(n + 2))).id)).filter((l) => l.includes('Procedure')));
  }
  expect(told).toEqual(['linked-duplicate Procedure/c1', 'created Procedure/c2']);
  // reported once more by the other one, too
  await pull([output('Procedure', procedure('s1', 'left, too', `${PEER_BASE}/Procedure/c1`))], day(9, 'second'));
  const c2 = localId('prior', 'Procedure', 'c2');
  expect(
    await sql`select ${c2} in (a_id, b_id) as of_other, state from exchange.link where type = 'Procedure' order by 1`,
  ).toEqual([
    { of_other: false, state: 'confirmed' },
    { of_other: true, state: 'apart' },
  ]);
  expect(await sql`select kind from exchange.review_item where state = 'open'`).toEqual([]);
  expect(await brokenLaws(sql)).toEqual({});
});

test('what a payer has by itself is its own though it had it back through us: it stays when the copy that came before it goes', async () => {
  const { pull, ledger, sql } = node;
  const shown = async () =>
    (await sql`select origin from exchange.resource where type = 'Procedure' and not deleted order by 1`).map(
      (r) => r['origin'],
    );
  await pull([output('Procedure', procedure('s1', 'left', `${PEER_BASE}/Procedure/c1`))], day(1, 'second'));
  const files = [output('Procedure', procedure('c1', 'left')), through('t1', 'c1')];
  const { id } = await pull(files, day(2));
  expect((await ledger(id)).filter((l) => l.includes('Procedure'))).toEqual(['linked-duplicate Procedure/c1']);
  await pull([deletions('Procedure/s1')], { ...day(3, 'second'), since: new Date(Date.UTC(2026, 1, 2)) });
  expect(await shown()).toEqual(['prior']);
  await pull(files, day(4));
  expect(await shown()).toEqual(['prior']);
});

test('what a payer numbered again and another one passes on is no echo of the one before, which we passed on', async () => {
  const { pull, ledger } = node;
  // the first number, by another way
  await pull(
    [output('Procedure', procedure('s1', 'left', 'https://first.example/fhir/Procedure/a1'))],
    day(1, 'second'),
  );
  const told = async (source: string, n: number) => {
    const files = [output('Procedure', procedure(`c${n}`, 'left', source)), through(`t${n}`, `c${n}`)];
    return (await ledger((await pull(files, day(n + 1))).id)).filter((l) => l.includes('Procedure'));
  };
  expect(await told('https://first.example/fhir/Procedure/a2', 1)).toEqual(['linked-duplicate Procedure/c1']);
  // by the same number it is
  expect(await told('https://first.example/fhir/Procedure/a1', 2)).toContain('echo Procedure/c2');
});

test('what an older version took for a copy that came back, and that went with it, is shown when its payer tells it again', async () => {
  const { pull, ledger, sql } = node;
  await pull([output('Procedure', procedure('s1', 'left', `${PEER_BASE}/Procedure/c1`))], day(1, 'second'));
  const files = [output('Procedure', procedure('c1', 'left')), through('t1', 'c1')];
  await pull(files, day(2));
  // as that version left it
  const ours = localId('prior', 'Procedure', 'c1');
  await sql`delete from exchange.link where ${ours} in (a_id, b_id)`;
  await sql`delete from exchange.resource where id = ${ours}`;
  await sql`update exchange.identity set state = 'echo', local_id = ${localId('second', 'Procedure', 's1')} where local_id = ${ours}`;
  const told = async (n: number) =>
    (await ledger((await pull(files, day(n))).id)).filter((l) => l.includes('Procedure'));
  // while the copy is there, nothing is lacking
  expect(await told(3)).toEqual(['echo Procedure/c1']);
  await pull([deletions('Procedure/s1')], { ...day(4, 'second'), since: new Date(Date.UTC(2026, 1, 3)) });
  expect(await told(5)).toEqual(['created Procedure/c1']);
  expect(await sql`select origin from exchange.resource where type = 'Procedure' and not deleted`).toEqual([
    { origin: 'prior' },
  ]);
  expect(await told(6)).toEqual(['unchanged Procedure/c1']);
});

test('a name that a person found wrong keeps a record from no other of the same payer', async () => {
  const { pull, sql } = node;
  await pull([output('Procedure', procedure('s1', 'left', `${PEER_BASE}/Procedure/c1`))], day(1, 'second'));
  await pull([output('Procedure', procedure('c1', 'left'))], day(2));
  await sql`update exchange.link set state = 'rejected' where type = 'Procedure'`;
  await pull([output('Procedure', procedure('c1', 'left'), procedure('c2', 'right'))], day(3));
  const c2 = localId('prior', 'Procedure', 'c2');
  expect(
    await sql`select ${c2} in (a_id, b_id) as of_other, state from exchange.link where type = 'Procedure' order by 1`,
  ).toEqual([
    { of_other: false, state: 'rejected' },
    { of_other: true, state: 'confirmed' },
  ]);
});

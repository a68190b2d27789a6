// A payer takes its copy of a record that we hold back, and tells it again: what it is a copy of is another one's, and stays as it is.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { allCompared } from '../../../exchange/commands/doctor.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, OUR_BASE, output, PEER, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
  const patient = { resourceType: 'Patient', id: 'm1', name: [{ family: 'Rivera' }] };
  await node.own(patient, lab('x1', { subject: { reference: 'Patient/m1' } }));
});
afterEach(() => node.close());

const day = (n: number) => ({ madeAt: new Date(Date.UTC(2026, 1, n)) });
const results = () =>
  node.sql<{ origin: string; id: string; version: number; deleted: boolean; value: string }[]>`
    select origin, id, version, deleted, body::jsonb #>> '{valueQuantity,value}' as value from exchange.resource where type = 'Observation' order by 1`;

test('a copy of ours', async () => {
  const { pull, ledger, sql } = node;
  const copy = (value: number, at: string) =>
    output(
      'Observation',
      lab('c1', {
        meta: { lastUpdated: at, source: `${OUR_BASE}/Observation/x1` },
        valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
      }),
    );
  const told: string[] = [];
  for (const [n, file] of [
    copy(13.5, '2026-01-03T00:00:00Z'),
    deletions('Observation/c1'),
    copy(13.5, '2026-01-03T00:00:00Z'),
    deletions('Observation/c1'),
    copy(9, '2026-01-05T00:00:00Z'),
    deletions('Observation/c1'),
  ].entries())
    told.push(...(await ledger((await pull([file], day(n + 1))).id)).map((line) => line.split(' ')[0] ?? ''));
  expect(told).toEqual(['echo', 'retracted', 'echo', 'retracted', 'created', 'retracted']);
  const [own, copied, ...more] = await results();
  expect(own).toEqual({ origin: 'own', id: 'x1', version: 1, deleted: false, value: '13.5' });
  expect([copied, more]).toEqual([expect.objectContaining({ origin: PEER, deleted: true, value: '9' }), []]);
  expect(await brokenLaws(sql)).toEqual({});
});

test('`doctor` names records of ours that an older version let a payer write over, until they are imported again', async () => {
  const { pull, sql, own } = node;
  const copy = lab('c1', { meta: { source: `${OUR_BASE}/Observation/x1` } });
  const { id } = await pull([output('Observation', copy)], day(1));
  await expect(allCompared(sql)).resolves.toBe('compared with what payers sent');
  // as that version left it
  await sql`
    insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id)
    select pull_id, file, line, 1, 'updated', 'reinstated', type, source_id, member_id, local_id from exchange.ledger_unit where pull_id = ${id}`;
  await sql`
    update exchange.resource set version = version + 1, body = replace(replace(body, '13.5', '9'), '"versionId":"1"', '"versionId":"2"'), hash = '\\x00',
      last_updated = (select created_at from exchange.pull where id = ${id}) + interval '1 millisecond' where id = 'x1'`;
  await expect(allCompared(sql)).rejects.toThrow(
    '1 stands as a payer sent it, which an older version let happen: import it again (Observation/x1).',
  );
  await own(lab('x1', { subject: { reference: 'Patient/m1' } }));
  expect((await results())[0]).toMatchObject({ version: 3, value: '13.5' });
  await expect(allCompared(sql)).resolves.toBe('compared with what payers sent');
});

test('a copy of ours that was entered in error, as its payer says', async () => {
  const { pull, ledger, sql } = node;
  const copy = (more: object) =>
    output('Observation', lab('c1', { meta: { source: `${OUR_BASE}/Observation/x1` }, ...more }));
  expect(await ledger((await pull([copy({})], day(1))).id)).toEqual(['echo Observation/c1']);
  const { id } = await pull([copy({ status: 'entered-in-error' })], day(2));
  expect(await ledger(id)).toEqual(['retracted entered-in-error Observation/c1']);
  expect(await results()).toEqual([{ origin: 'own', id: 'x1', version: 1, deleted: false, value: '13.5' }]);
  // nothing that was shown is gone
  expect(await brokenLaws(sql)).toEqual({});
});

test('a copy of what another payer reported', async () => {
  const { pull, ledger, sql } = node;
  await sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('second', 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
  const first = { effectiveDateTime: '2026-01-09T08:00:00Z' };
  await pull([output('Observation', lab('r1', first))], day(1));
  const ours = (await results()).find((r) => r.origin === PEER)?.id ?? '';
  // who asked us has it with our address and that of its payer
  const identifier = [
    { use: 'secondary', system: `${OUR_BASE}/Observation`, value: ours },
    { use: 'secondary', system: `${PEER_BASE}/Observation`, value: 'r1' },
  ];
  const meta = { lastUpdated: '2026-01-10T00:00:00Z', source: `${OUR_BASE}/Observation/${ours}` };
  const copy = output('Observation', lab('s1', { ...first, meta, identifier }));
  const told: string[] = [];
  for (const [n, file] of [copy, deletions('Observation/s1'), copy, deletions('Observation/s1')].entries())
    told.push(...(await ledger((await pull([file], { ...day(n + 2), peer: 'second' })).id)));
  expect(told.map((line) => line.split(' ')[0])).toEqual(['echo', 'retracted', 'echo', 'retracted']);
  expect(await results()).toEqual([
    { origin: 'own', id: 'x1', version: 1, deleted: false, value: '13.5' },
    { origin: PEER, id: ours, version: 1, deleted: false, value: '13.5' },
  ]);
  expect(await brokenLaws(sql)).toEqual({});
});

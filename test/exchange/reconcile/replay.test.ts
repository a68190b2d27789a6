// A replay on kept files: what it would change, that a dry run changes nothing, that it then does just that, and that it
// changes nothing a second time.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { brokenLaws, extent } from '../../journey/laws.ts';
import { lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
let pullId: string;
const at = (n: number) => ({ effectiveDateTime: `2026-08-0${n}T08:00:00Z` });
const psy = {
  meta: {
    lastUpdated: '2026-01-02T03:04:05Z',
    security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }],
  },
};

async function run(dryRun: boolean) {
  const [pull, peer] = [await findPull(node.sql, pullId), await findPeer(node.sql, PEER)];
  if (!pull || !peer) throw new Error('no pull');
  return replay(node.deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay', dryRun });
}
const state = async () => ({
  extent: await extent(node.sql),
  revisions: (await node.sql`select from exchange.unit_revision`).length,
  visible: [
    ...(await node.sql`select source_id as s from exchange.resource where origin = ${PEER} and not deleted and type = 'Observation' order by 1`),
  ].map((r) => r['s']),
  staged: (await node.sql`select from exchange.staging`).length,
});

beforeAll(async () => {
  node = await reconciler();
  await node.own(
    { resourceType: 'Patient', id: 'm1' },
    lab('mine', { subject: { reference: 'Patient/m1' }, ...at(1) }),
  );
  const files = [
    output(
      'Observation',
      lab('a', at(1)),
      lab('b', at(2)),
      lab('c', { ...at(3), ...psy }),
      '{"broken',
      lab('d', at(4)),
    ),
  ];
  pullId = (await node.pull(files)).id;
  expect(await node.ledger(pullId)).toEqual([
    'linked-duplicate Observation/a',
    'created Observation/b',
    'quarantined consent-scope Observation/c',
    'rejected invalid-json',
    'created Observation/d',
  ]);
});
afterAll(() => node.close());

test('under the rules that took it in, a replay changes nothing', async () => {
  const before = await state();
  const report = await run(false);
  expect([report.units, report.links, report.chains]).toEqual([[], { added: [], removed: [] }, []]);
  expect(await state()).toEqual(before);
});

test('what other rules change is shown before, done once, and then done', async () => {
  const { sql } = node;
  // as if rules of before had linked and shown otherwise, and the choice now covers sensitive records
  await sql`delete from exchange.link where type = 'Observation'`;
  await sql`update exchange.resource set body = replace(body, '"status":"final"', '"status":"amended"') where id = ${localId(PEER, 'Observation', 'b')}`;
  await sql`update exchange.pull_member set policy = 'sensitive' where pull_id = ${pullId}`;
  const before = await state();
  const planned = await run(true);
  expect(await state()).toEqual(before);
  expect(planned.units.map((u) => `${u.sourceId ?? ''} ${u.outcomeBefore} ${u.outcome}`)).toEqual([
    'b created updated',
    'c quarantined created',
  ]);
  expect(planned.links.added.map((l) => [l.a, l.b, l.kind])).toEqual([
    [...[localId(PEER, 'Observation', 'a'), 'mine'].sort(), 'same-event'],
  ]);

  const done = await run(false);
  expect(done).toEqual(planned);
  expect((await state()).visible).toEqual(['a', 'b', 'c', 'd']);
  expect((await state()).revisions).toBe(2);
  const [b] =
    await sql`select version, body::jsonb ->> 'status' as status from exchange.resource where id = ${localId(PEER, 'Observation', 'b')}`;
  expect(b).toEqual({ version: 2, status: 'final' });
  expect(await brokenLaws(sql)).toEqual({});
  const again = await run(false);
  expect([again.units, again.links]).toEqual([[], { added: [], removed: [] }]);
});

test('what may no longer be shown goes back behind its reason, with its links, and a pull of the same leaves it there', async () => {
  await node.sql`update exchange.pull_member set policy = 'regular' where pull_id = ${pullId}`;
  const report = await run(false);
  expect(report.units.map((u) => `${u.sourceId ?? ''} ${u.outcomeBefore} ${u.outcome} ${u.reason ?? ''}`)).toEqual([
    'c created quarantined consent-scope',
  ]);
  expect((await state()).visible).toEqual(['a', 'b', 'd']);
  expect(await node.sql`select from exchange.review_item where kind = 'consent-scope' and state = 'open'`).toHaveLength(
    1,
  );
  expect(await brokenLaws(node.sql)).toEqual({});
  const again = await node.pull([output('Observation', lab('c', { ...at(3), ...psy }))], { since: new Date() });
  expect(await node.ledger(again.id)).toEqual(['quarantined consent-scope Observation/c']);
});

test('what was replaced since is left alone', async () => {
  await node.pull(
    [
      output(
        'Observation',
        lab('d', { ...at(4), meta: { lastUpdated: '2026-09-01T00:00:00Z' }, note: [{ text: 'newer' }] }),
      ),
    ],
    { since: new Date() },
  );
  const report = await run(false);
  expect(report.units).toEqual([]);
  const [d] = await node.sql`select body from exchange.resource where id = ${localId(PEER, 'Observation', 'd')}`;
  expect(String(d?.['body'])).toContain('newer');
});

test('a line that was held when it came hides nothing that another pull brought under a wider choice', async () => {
  const e = lab('e', { ...at(5), ...psy });
  const wide = await node.pull([output('Observation', e)], { since: new Date() });
  // taken in as by a choice that covered sensitive records
  await node.sql`update exchange.pull_member set policy = 'sensitive' where pull_id = ${wide.id}`;
  pullId = wide.id;
  await run(false);
  expect((await state()).visible).toContain('e');
  const narrow = await node.pull([output('Observation', e)], { since: new Date() });
  expect(await node.ledger(narrow.id)).toEqual(['quarantined consent-scope Observation/e']);
  expect((await state()).visible).toContain('e');
  pullId = narrow.id;
  expect((await run(false)).units).toEqual([]);
  expect((await state()).visible).toContain('e');
  expect(await brokenLaws(node.sql)).toEqual({});
});

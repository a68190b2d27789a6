// What waits in a file whose time was over keeps no later pull from its end, and no release from the next one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { KeptFileGone } from '../../../exchange/reconcile/stage.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const provenance = {
  resourceType: 'Provenance',
  id: 'waits',
  target: [{ reference: 'Observation/late' }],
  recorded: '2026-01-01T08:00:00Z',
  agent: [{ who: { display: 'Prior' } }],
};

test('the record comes for which a Provenance waits whose file is gone: the pull ends, and the Provenance waits on', async () => {
  const first = await node.pull([output('Provenance', provenance)]);
  expect(await node.ledger(first.id)).toEqual(['quarantined dangling-reference Provenance/waits']);
  await node.sql`update exchange.pull_file set blob_key = null where pull_id = ${first.id}`;
  const second = await node.pull([output('Observation', lab('late'))], { since: new Date() });
  expect(second.state).toBe('done');
  expect(await node.ledger(second.id)).toEqual(['created Observation/late']);
  const third = await node.pull([output('Provenance', provenance)], { since: new Date() });
  expect(await node.ledger(third.id)).toEqual(['created Provenance/waits']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a replay of a pull whose files went says so; a file that never came is none of them', async () => {
  const { id } = await node.pull([output('Observation', lab('a')), output('Observation', lab('b'))]);
  const again = async () => {
    const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
    if (!pull || !peer) throw new Error('not there');
    return replay(node.deps, { pull, peer, by: { kind: 'command', name: 'ada' }, cause: 'replay', dryRun: true });
  };
  await node.sql`update exchange.pull_file set blob_key = null where pull_id = ${id} and position = 1`;
  expect((await again()).units).toEqual([]);
  await node.sql`update exchange.pull_file set sha256 = 'ab' where pull_id = ${id} and position = 1`;
  await expect(again()).rejects.toBeInstanceOf(KeptFileGone);
});

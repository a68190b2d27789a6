// What a reader of the merged record may rely on, by spec/reconciliation.md alone: things happen to members, payers tell them each in its own way, change
// their mind, take back and tell again, and pass on what they had from others; we import our own meanwhile. After each pull and import all that is told is
// there, once, nothing of two things is one, and what contradicts is an open item, once. RECONCILE_SEED, RECONCILE_STEPS, RECONCILE_RUNS.
import { expect, test } from 'vitest';
import { brokenLaws } from '../journey/laws.ts';
import { PAYERS } from './reconcile-truth.ts';
import { agrees, beginning, OTHERS, VISIBLE_LAW, World } from './reconcile-world.ts';

const SEED = Number(process.env['RECONCILE_SEED'] ?? 1);
const STEPS = Number(process.env['RECONCILE_STEPS'] ?? 7);
const RUNS = Number(process.env['RECONCILE_RUNS'] ?? 2);

test.each(Array.from({ length: RUNS }, (_, i) => SEED + i))(
  'the merged record tells what happened (%i)',
  async (seed) => {
    const world = new World(seed);
    const node = await beginning();
    try {
      for (let step = 0; step < STEPS; step++) {
        world.now += 10;
        for (let i = 0; i < 3; i++) world.happen();
        for (let i = 0; i < 2; i++) world.change();
        if (world.draw.chance(0.4)) world.again();
        world.now += 10;
        const who = world.draw.pick(PAYERS);
        if (who === 'own') await world.import(node);
        else if (world.draw.chance(0.15)) await world.renumber(node, who, world.draw.chance(0.8) ? 'm1' : 'm2');
        else await world.pull(node, who, world.draw.chance(0.3));
        await agrees(world, node);
      }
      // all has come, and comes once more: nothing changes
      for (const isAgain of [false, true]) {
        world.now += 10;
        await world.import(node);
        for (const payer of OTHERS) await world.pull(node, payer, isAgain);
        await agrees(world, node);
      }
      const fresh = await node.sql`
      select outcome, count(*)::int as n from exchange.ledger where pull_id in (select id from exchange.pull where since is null order by finished_at desc limit 3)
        and outcome not in ('unchanged', 'echo', 'quarantined') group by 1`;
      expect([...fresh]).toEqual([]);
      // a shown authorization of which a denial is held is not shown any more: the unit is held, which is its one outcome, and nothing else books it
      const [denied] = await node.sql<{ n: number }[]>`
      select count(*)::int as n from exchange.identity i join exchange.resource r on r.type = i.type and r.id = i.local_id and r.member_id = i.member_id
      where i.state = 'quarantined' and r.deleted`;
      const { [VISIBLE_LAW]: visible, ...broken } = await brokenLaws(node.sql);
      expect(broken).toEqual({});
      const off = (visible ?? []) as { made: number; back: number; gone: number; more: number; n: number }[];
      expect(off.reduce((n, r) => n + r.made + r.back - r.gone + r.more - r.n, 0)).toBe(denied?.n);
    } finally {
      await node.close();
    }
  },
  300_000,
);

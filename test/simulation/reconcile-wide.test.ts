// What reconcile-model.test.ts asks, in a wider world (reconcile-wide.ts), and what leaves of it. It takes long: RECONCILE_WIDE is the number of worlds, RECONCILE_SEED the first of them,
// RECONCILE_STEPS how much happens in each, RECONCILE_WITHOUT what does not (labels, errors, late, choices, members, replays, leaving, visits, numbers, cards, covers, deaths, decisions; dry: no looking ahead).
import { expect, test } from 'vitest';
import { brokenLaws } from '../journey/laws.ts';
import { type WideNode, WideWorld, wideBeginning } from './reconcile-wide.ts';
import { agrees, OTHERS, VISIBLE_LAW } from './reconcile-world.ts';

const SEED = Number(process.env['RECONCILE_SEED'] ?? 1);
const STEPS = Number(process.env['RECONCILE_STEPS'] ?? 7);
const RUNS = Number(process.env['RECONCILE_WIDE'] ?? 0);
const WITHOUT = new Set((process.env['RECONCILE_WITHOUT'] ?? '').split(','));

async function leaves(world: WideWorld, node: WideNode): Promise<void> {
  const names = new Map<string, string>();
  const ids = await node.sql<{ type: string; peer: string; source: string; local: string }[]>`
    select type, peer_id as peer, source_id as source, local_id as local from exchange.identity where state = 'visible'`;
  for (const i of ids)
    names.set(`${i.type}/${i.local}`, world.first.get(`${i.peer}/${i.source}`) ?? `${i.peer}/${i.source}`);
  for (const policy of ['regular', 'sensitive'] as const) {
    const found = await node.ask(policy);
    for (const member of world.members()) {
      const keys = [...(found.get(world.here(member)) ?? [])].filter(
        (k) => !/^(?:Patient|Provenance)\//.test(k) && (names.has(k) || !k.startsWith('Coverage/')),
      );
      const is = keys
        .map((k) => names.get(k) ?? `own/${k.split('/')[1]}`)
        .filter((k) => !world.isAside(k))
        .sort();
      const must = world.leaving(member, policy);
      const [more, fewer] = [is.filter((k) => !must.includes(k)), must.filter((k) => !is.includes(k))];
      const story = world.story.filter(
        (l) => l.includes('pull') || [...more, ...fewer].some((k) => ` ${l} `.includes(` ${k} `)),
      );
      expect({ policy, member, more, fewer, story: more.length + fewer.length === 0 ? [] : story }).toEqual({
        policy,
        member,
        more: [],
        fewer: [],
        story: [],
      });
    }
  }
}

test.skipIf(RUNS === 0).each(Array.from({ length: Math.max(RUNS, 1) }, (_, i) => SEED + i))(
  'the merged record tells what happened in a wider world, and what may leaves (%i)',
  async (seed) => {
    const node = await wideBeginning();
    const world = new WideWorld(seed, node);
    const may = (what: string, chance: number) => !WITHOUT.has(what) && world.draws(chance);
    const holds = async (): Promise<void> => {
      await agrees(world, node);
      const { [VISIBLE_LAW]: _, ...broken } = await brokenLaws(node.sql);
      expect({ broken, story: Object.keys(broken).length === 0 ? [] : world.story }).toEqual({ broken: {}, story: [] });
    };
    try {
      for (let step = 0; step < STEPS; step++) {
        world.now += 10;
        for (let i = 0; i < 3; i++) world.happen();
        for (let i = 0; i < 3; i++) world.change();
        if (world.draws(0.4)) world.again();
        world.now += 10;
        if (may('choices', 0.3)) await world.choose(node);
        if (may('members', 0.3)) {
          await world.join(node);
          await holds();
        }
        const who = world.payer;
        if (who === 'own') await world.import(node);
        else if (may('numbers', 0.1)) await world.renumber(node, who, 'm1');
        else await world.pull(node, who, world.draws(0.3));
        await holds();
        if (may('replays', 0.5)) {
          await world.replays(node);
          await holds();
        }
        if (may('decisions', 0.5)) {
          await world.decide(node);
          await holds();
        }
        if (may('leaving', 0.3)) await leaves(world, node);
      }
      for (const isAgain of [false, true]) {
        world.now += 10;
        await world.import(node);
        for (const payer of OTHERS) await world.pull(node, payer, isAgain);
        await holds();
      }
      if (!WITHOUT.has('leaving')) await leaves(world, node);
    } finally {
      await node.close();
    }
  },
  300_000,
);

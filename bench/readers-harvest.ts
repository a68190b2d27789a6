// A process beside a serving one that harvests, merges and links two local peers, as directory/commands/background-process.ts does. Prints `{}` when ready, a line when it has begun and one when it is done.
import { harvestPeer } from '../directory/federation/harvest/run.ts';
import { linkDue } from '../directory/federation/link.ts';
import { mergeDue } from '../directory/federation/merge.ts';
import { connectionsStandBack, processStandsBack } from '../src/runtime/low-priority.ts';
import { harvesting, peerOf, register } from './harvest-deps.ts';

const [url = '', peers = ''] = process.argv.slice(2);
const deps = harvesting(url, 'payer-node background');
processStandsBack(deps.log);
connectionsStandBack(deps.database.sql, 'payer-node background', deps.log).work(true);
const slugs = await register(deps, peers.split(','));
process.stdout.write('{}\n');
const say = (part: string) => process.stdout.write(`${JSON.stringify({ part })}\n`);
for (const slug of slugs) await harvestPeer(deps, await peerOf(deps, slug));
say('harvested');
await mergeDue(deps);
await linkDue(deps);
say('linked');
await deps.database.close();
process.exit();

// A node that harvests one local peer, or goes on with it. Prints `{}` when it begins, and the state when it is done.
import { harvestPeer } from '../directory/federation/harvest/run.ts';
import { harvesting, peerOf, register } from './harvest-deps.ts';

const [url = '', base = ''] = process.argv.slice(2);
const deps = harvesting(url);
const { sql } = deps.database;
const [known] = await sql<{ n: number }[]>`select count(*)::int as n from federation.peer`;
if (known?.n === 0) await register(deps, [base]);
// whoever held the lease was killed
await sql`update federation.peer set lease_owner = null, lease_until = null`;
process.stdout.write('{}\n');
const { state } = await harvestPeer(deps, await peerOf(deps, 'peer0'));
process.stdout.write(`${JSON.stringify({ state })}\n`);
await deps.database.close();
process.exit(0);

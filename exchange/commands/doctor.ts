// `doctor`: is everything in place? One line a check; a failed one makes the exit code 1.

import { discoverProvider, redirectUri, SignInRefused } from '../../src/auth/staff-oidc.ts';
import { readConfig } from '../../src/config.ts';
import type { Queryable } from '../../src/db/database.ts';
import { planMigration } from '../../src/db/migrate.ts';
import { checkUrl, networkPolicy } from '../../src/net/address.ts';
import { faultSentence } from '../../src/runtime/fault.ts';
import { agedKeys, closedKeys, dataFolder, filesFolder } from '../../src/runtime/folders.ts';
import { DIRECTORY_ROLE, openNode, openServer } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { toSet } from '../../src/runtime/to-set.ts';
import { VERSION } from '../../src/version.ts';
import { listPeers } from '../peers/peer.ts';
import { owedMembers } from '../records/left-imports.ts';
import { overwrittenRecords } from '../records/overwritten.ts';
import { spanText } from '../staff/data/texts.ts';
import { alertsTold, peerAnswers } from './doctor-network.ts';
import { memberNumbers } from './member-numbers.ts';

/** Of many records these are named. */
const NAMED_MOST = 20;

type Check = { name: string; run: () => Promise<string> | string };

/** What is reported and fails nothing: others may mend it. */
class Noted extends Error {}

/** Asks the identity provider what it publishes, as a sign-in does. @throws Error with a sentence */
async function signInReady(deps: Parameters<typeof discoverProvider>[0]): Promise<string> {
  try {
    return `${(await discoverProvider(deps)).issuer} answers; register ${redirectUri(deps.config.baseUrl)} there`;
  } catch (error) {
    if (!(error instanceof SignInRefused)) throw error;
    const why = error.fault === 'issuer' ? 'it publishes another issuer than STAFF_OIDC_ISSUER' : error.fault;
    throw new Error(`${deps.config.staffOidcIssuer} cannot be used: ${error.detail ?? why}`);
  }
}

/** What lies between may have let the role fall, and all of the exchange could be read. @throws Error with a sentence */
export async function inRole(sql: Queryable): Promise<void> {
  const [row] = await sql<{ role: string }[]>`select current_user as role from directory.state`;
  if (row?.role !== DIRECTORY_ROLE)
    throw new Error(`works as ${row?.role ?? 'nobody'} instead of ${DIRECTORY_ROLE}: connect without a pooler.`);
}

/** More than this apart, tokens that one process gives are not valid yet, or any more, to another one. */
const CLOCK_SECONDS = 1;

const apart = (seconds: number): string => (seconds < 60 ? `${seconds.toFixed(1)} seconds` : spanText(seconds * 1000));

/**
 * How far is the clock of this machine from that of the database? Half of what the question took is given for the way.
 * @param now in milliseconds
 * @returns what to say when they are together
 * @throws Error with a sentence when they are too far apart
 */
export async function sameClock(sql: Queryable, now: () => number = Date.now): Promise<string> {
  await sql`select 1`; // a connection that has to be made first takes longer than the question
  const asked = now();
  const [row] = await sql<{ at: Date }[]>`select clock_timestamp() as at`;
  const half = (now() - asked) / 2;
  const ahead = (asked + half - (row?.at.getTime() ?? 0)) / 1000;
  if (Math.abs(ahead) - half / 1000 > CLOCK_SECONDS)
    throw new Error(
      `this machine is ${apart(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the database: processes would refuse each other's tokens, and those of payers. Set it by NTP.`,
    );
  return 'that of the database';
}

/** Is every import of our own records compared with what payers sent, and none of them as a payer reported it? @throws Error with a sentence */
export async function allCompared(sql: Queryable): Promise<string> {
  const waiting = (await owedMembers(sql)).length;
  if (waiting > 0)
    throw new Error(
      `those of ${waiting} ${waiting === 1 ? 'member are' : 'members are'} not compared yet with what payers sent: an import is at work or was cut off. A serving node does it within a minute.`,
    );
  const { n, first } = await overwrittenRecords(sql, NAMED_MOST);
  if (n > 0)
    throw new Error(
      `${n} ${n === 1 ? 'stands' : 'stand'} as a payer sent ${n === 1 ? 'it' : 'them'}, which an older version let happen: import ${n === 1 ? 'it' : 'them'} again (${first.join(', ')}${n > first.length ? ', …' : ''}).`,
    );
  return 'compared with what payers sent';
}

export async function doctor(): Promise<void> {
  let failed = 0;
  const check = async ({ name, run }: Check): Promise<boolean> => {
    try {
      say(`✔ ${name}: ${await run()}`);
      return true;
    } catch (error) {
      if (error instanceof Noted) {
        say(`◆ ${name}: ${error.message}`);
        return true;
      }
      failed++;
      say(`✘ ${name}: ${faultSentence(error) ?? (error instanceof Error ? error.message : 'unknown')}`);
      return false;
    }
  };
  await check({ name: 'program', run: () => `Payer Node ${VERSION} on Node ${process.versions.node}` });
  if (
    !(await check({
      name: 'settings',
      run: () => (readConfig(process.env).sandbox ? 'valid; sandbox on' : 'valid; sandbox off'),
    }))
  ) {
    process.exitCode = 1;
    return;
  }
  const config = readConfig({ LOG_LEVEL: 'error', ...process.env });
  await check({
    name: 'plan',
    run: () => {
      const missing = toSet(config);
      if (missing.length > 0) throw new Error(missing.join(' '));
      return config.sandbox ? 'invented, for the sandbox' : config.planName;
    },
  });
  await check({
    name: 'data folder',
    run: () => dataFolder(config.dataDir),
  });
  await check({ name: 'files', run: () => filesFolder(config.blobsDir, config.diskReserveMb) });
  await check({
    name: 'database',
    run: async () => {
      const server = await openServer(config);
      try {
        const plan = await planMigration(await server.url('payer_node'));
        if (plan.unknown.length > 0) throw new Error(`newer than this program (${plan.unknown.join(', ')})`);
        if (plan.pending.length > 0) throw new Error(`${plan.pending.length} migrations to run: payer-node migrate`);
        const node = await openNode(config, server, 'payer_node', { migrates: false });
        try {
          await check({
            name: 'directory role',
            run: async () => {
              await inRole(node.directory.database.sql);
              return 'may read the directory';
            },
          });
          await check({ name: 'members', run: () => memberNumbers(node.deps.database.sql) });
          await check({ name: 'own records', run: () => allCompared(node.deps.database.sql) });
          await check({ name: 'clock', run: () => sameClock(node.deps.database.sql) });
          await check({
            name: 'keys',
            run: async () => {
              const [token, client] = [await node.deps.keys.signing('token'), await node.deps.keys.signing('client')];
              closedKeys(config.keysDir);
              const said = `token ${token.kid.slice(0, 8)}…, client ${client.kid.slice(0, 8)}…`;
              const old = agedKeys(config, new Date());
              if (old !== undefined) throw new Noted(`${said}; ${old}`);
              return said;
            },
          });
          if (config.staffOidcIssuer !== undefined)
            await check({ name: 'staff sign-in', run: () => signInReady(node.deps) });
          const { alertWebhookUrl } = config;
          if (alertWebhookUrl !== undefined)
            await check({ name: 'alerts', run: () => alertsTold(node.deps, alertWebhookUrl) });
          const peers = await listPeers(node.deps.database.sql);
          const answers = new Map(peers.map((p) => [p.id, peerAnswers(node.deps, p)]));
          for (const one of answers.values()) one.catch(() => {}); // reported at its line
          for (const peer of peers)
            await check({
              name: `peer ${peer.id}`,
              run: async () => {
                const fault =
                  peer.fhirBase === null ? undefined : checkUrl(new URL(peer.fhirBase), networkPolicy(config));
                if (fault !== undefined) throw new Error(`its address is not allowed (${fault})`);
                const answer = await answers.get(peer.id);
                if (answer?.fault !== undefined) throw new Noted(answer.fault);
                return answer?.said ?? peer.state;
              },
            });
        } finally {
          await node.close();
        }
        return config.databaseUrl === undefined ? 'embedded PostgreSQL, up to date' : 'DATABASE_URL, up to date';
      } finally {
        await server.release();
      }
    },
  });
  if (failed > 0) process.exitCode = 1;
}

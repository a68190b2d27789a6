// What an asking node measures of a prior one over loopback HTTP.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { freeLeases } from '../exchange/lease.ts';
import { findPeer, type Peer, pinPeer } from '../exchange/peers/peer.ts';
import { addresses, ourselves } from '../exchange/plan.ts';
import { discover } from '../exchange/requester/client/discover.ts';
import { kickOff, poll, readManifest } from '../exchange/requester/client/kick-off.ts';
import { askPeer, PeerFault } from '../exchange/requester/client/peer-fetch.ts';
import { type Talk, talkTo } from '../exchange/requester/client/talk.ts';
import { PeerTokens, withToken } from '../exchange/requester/client/token.ts';
import { matchRequest } from '../exchange/requester/client/write-member-bundle.ts';
import { submissions } from '../exchange/requester/match-submission.ts';
import { planPulls } from '../exchange/requester/plan.ts';
import { findPull, type PullState } from '../exchange/requester/pull.ts';
import { pullFiles } from '../exchange/requester/pull-file.ts';
import { takeStep } from '../exchange/requester/run.ts';
import { copyIn } from '../src/db/copy.ts';
import { copyField } from '../src/db/database.ts';
import type { Deps } from '../src/deps.ts';
import { lines } from '../src/fhir/ndjson.ts';

export type Measured = { seconds: number; units: number; cpuMs: number; rssMb: number };
/** What an asker prints when the raw way is done as well. */
export type Raw = { rawSeconds: number };

/** Line that an asker prints when what is measured begins. */
export const BEGIN = '"begin"';

async function peerOf(deps: Deps): Promise<Peer> {
  const peer = await findPeer(deps.database.sql, 'prior');
  if (!peer) throw new Error('no peer');
  const found = await discover(deps, peer);
  await pinPeer(deps.database.sql, 'prior', {
    tokenEndpoint: found.tokenEndpoint,
    issuer: found.issuer,
    origins: [new URL(found.tokenEndpoint).origin],
  });
  return (await findPeer(deps.database.sql, 'prior')) ?? peer;
}

/** Asks a few times a second, and as seldom as we are told when that was too often. */
async function untilDone(talk: Talk, status: string): Promise<string> {
  for (let pause = 50; ; pause = Math.min(1000, pause * 1.5)) {
    try {
      const answer = await poll(talk, status, 0);
      if (answer.isDone) return answer.text;
    } catch (error) {
      if (!(error instanceof PeerFault) || error.reason !== 'throttled') throw error;
      pause = 1000;
    }
    await new Promise((r) => setTimeout(r, pause));
  }
}

async function match(talk: Talk): Promise<{ members: number; group: string; seconds: number }> {
  const { deps, peer } = talk;
  const [id = ''] = await planPulls(deps, { cause: 'command', again: true });
  const day = new Date().toISOString().slice(0, 10);
  const asked = await submissions(deps.database.sql, id, day);
  const body = JSON.stringify(
    matchRequest(
      asked,
      ourselves(deps.config),
      { npi: peer.npi, name: peer.name },
      `${Number(day.slice(0, 4)) + 1}${day.slice(4)}`,
      addresses(deps.config).fhir,
    ),
  );
  const started = performance.now();
  const status = await kickOff(talk, '/Group/$bulk-member-match', body);
  const manifest = readManifest(JSON.parse(await untilDone(talk, status)), status);
  const file = manifest.files.find((f) => f.type === 'Group');
  const response = await withToken(talk, (token) => askPeer(talk, file?.url ?? '', { token }));
  const [first = '{}'] = (await response.text()).split('\n');
  return {
    members: asked.length,
    group: (JSON.parse(first) as { id: string }).id,
    seconds: (performance.now() - started) / 1000,
  };
}

const used = (from: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
};
const rss = () => Math.round(process.memoryUsage.rss() / 1048576);

/** Kick-off to last byte of every file. */
export async function askExport(deps: Deps): Promise<Measured> {
  const talk = talkTo(deps, new PeerTokens(), await peerOf(deps));
  const { group } = await match(talk);
  process.stdout.write(`${BEGIN}\n`);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const status = await kickOff(talk, `/Group/${group}/$davinci-data-export`, '');
  const manifest = readManifest(JSON.parse(await untilDone(talk, status)), status);
  let units = 0;
  for (const file of manifest.files) {
    const response = await withToken(talk, (token) =>
      askPeer(talk, file.url, { token, headers: { 'accept-encoding': 'gzip' } }),
    );
    for await (const _ of response.body as unknown as AsyncIterable<Uint8Array>);
    if (file.kind === 'output') units += file.count ?? 0;
  }
  return { seconds: (performance.now() - started) / 1000, units, cpuMs: used(cpu), rssMb: rss() };
}

export type GroupMeasured = Measured & {
  members: number;
  /** of all files, before compression */
  bytes: number;
  kickMs: number;
  /** from the kick-off for one member of a thousand records until the manifest is there */
  oneMs: number;
  status: string;
  token: string;
};

/** The same of a Group whose members have few records each, with what a client feels beside it. */
export async function askGroupExport(deps: Deps, manyMember: string): Promise<GroupMeasured> {
  const tokens = new PeerTokens();
  const talk = talkTo(deps, tokens, await peerOf(deps));
  const { group, members } = await match(talk);
  const kick = async (parameter: object[]) => {
    const started = performance.now();
    const body = parameter.length === 0 ? '' : JSON.stringify({ resourceType: 'Parameters', parameter });
    const status = await kickOff(talk, `/Group/${group}/$davinci-data-export`, body);
    return { status, ms: performance.now() - started, started };
  };
  process.stdout.write(`${BEGIN}\n`);
  const first = await kick([]);
  const text = await untilDone(talk, first.status);
  const manifest = readManifest(JSON.parse(text), first.status);
  const bytes = (JSON.parse(text) as { output: { fileSize: number }[] }).output.reduce((n, f) => n + f.fileSize, 0);
  let units = 0;
  for (const file of manifest.files) {
    const response = await withToken(talk, (token) =>
      askPeer(talk, file.url, { token, headers: { 'accept-encoding': 'gzip' } }),
    );
    for await (const _ of response.body as unknown as AsyncIterable<Uint8Array>);
    if (file.kind === 'output') units += file.count ?? 0;
  }
  const seconds = (performance.now() - first.started) / 1000;
  const one = await kick([{ name: 'patient', valueReference: { reference: `Patient/${manyMember}` } }]);
  await untilDone(talk, one.status);
  const oneMs = performance.now() - one.started;
  const kicks = [first.ms, one.ms];
  return {
    seconds,
    units,
    cpuMs: 0,
    rssMb: rss(),
    members,
    bytes,
    kickMs: Math.max(...kicks),
    oneMs,
    status: first.status,
    token: await tokens.get(talk),
  };
}

export async function askMatch(deps: Deps): Promise<Measured> {
  const talk = talkTo(deps, new PeerTokens(), await peerOf(deps));
  const cpu = process.cpuUsage();
  const { members, seconds } = await match(talk);
  return { seconds, units: members, cpuMs: used(cpu), rssMb: rss() };
}

const say = (what: Measured | Raw): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

/** A whole pull, and then the raw way over the same files: gunzip, COPY, set-based merge. Each is told when it is done. */
export async function askPull(deps: Deps, owner: string): Promise<void> {
  const tokens = new PeerTokens();
  const [id = ''] = await planPulls(deps, { cause: 'command', again: true });
  // matching and the export are the other side's work, with questions of their own: `match`, `group-export`
  await untilState(deps, tokens, owner, id, 'downloading');
  process.stdout.write(`${BEGIN}\n`);
  say(await measurePull(deps, tokens, owner, id));
  say(await rawMerge(deps, id));
}

/** The same once more, from files at hand: what a peer sends again, unchanged. The raw way does what it did before. */
export async function askRepull(deps: Deps, owner: string): Promise<void> {
  const tokens = new PeerTokens();
  const [first = ''] = await planPulls(deps, { cause: 'command', again: true });
  await untilState(deps, tokens, owner, first, 'done');
  const [id = ''] = await planPulls(deps, { cause: 'command', again: true, full: true });
  await untilState(deps, tokens, owner, id, 'reconciling');
  const member = async () => {
    const [row] = await deps.database.sql<
      { n: string }[]
    >`select sum(n_tup_ins + n_tup_upd + n_tup_del)::text as n from pg_stat_user_tables where schemaname = 'exchange' and relname ~ '^(resource|resource_version|link)'`;
    return row?.n;
  };
  const written = await member();
  process.stdout.write(`${BEGIN}\n`);
  const measured = await measurePull(deps, tokens, owner, id);
  if ((await member()) !== written) throw new Error('an unchanged pull wrote member data');
  say(measured);
  say(await rawMerge(deps, id));
}

/** What the other side does meanwhile is asked for no sooner than it said: it would refuse to be asked so often. */
const ITS_WORK: readonly PullState[] = ['matching', 'exporting'];

/** Steps until a pull is in a state. What waits for us is not waited for. */
async function untilState(deps: Deps, tokens: PeerTokens, owner: string, id: string, state: string): Promise<void> {
  for (let pause = 20; ; ) {
    const pull = await findPull(deps.database.sql, id);
    if (pull?.state === state) return;
    if (!pull || ['done', 'failed', 'review', 'refused', 'unbalanced', 'partial'].includes(pull.state))
      throw new Error(`the pull ended ${pull?.state ?? 'nowhere'} ${pull?.reason ?? ''}`);
    if (await takeStep(deps, tokens, owner, id)) {
      pause = 20;
      continue;
    }
    await new Promise((r) => setTimeout(r, pause));
    pause = Math.min(250, pause * 1.5);
    if (!ITS_WORK.includes(pull.state))
      await deps.database.sql`update exchange.pull set next_at = now() where id = ${id}`;
  }
}

async function measurePull(deps: Deps, tokens: PeerTokens, owner: string, id: string): Promise<Measured> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, rss())), 200);
  await untilState(deps, tokens, owner, id, 'done');
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1000;
  const cpuMs = used(cpu);
  const files = (await pullFiles(deps.database.sql, id)).filter((f) => f.kind === 'output');
  const units = files.reduce((n, f) => n + (f.units ?? 0), 0);
  return { seconds, units, cpuMs, rssMb: peak };
}

async function rawMerge(deps: Deps, id: string): Promise<Raw> {
  const { sql } = deps.database;
  const keys = (await pullFiles(sql, id)).flatMap((f) =>
    f.kind === 'output' && f.blobKey !== null ? [f.blobKey] : [],
  );
  await sql.unsafe(
    'create table public.raw_stage (type text, id text, body text); create table public.raw_record (type text, id text, body text, primary key (type, id))',
  );
  const started = performance.now();
  const dedicated = deps.database.dedicated('copy');
  const rows = async function* () {
    for (const key of keys) {
      const source = await deps.blobs.get(key);
      if (!source) continue;
      for await (const line of lines(Readable.from(source).pipe(createGunzip()) as AsyncIterable<Uint8Array>)) {
        if (!('text' in line)) continue;
        const { resourceType, id } = JSON.parse(line.text) as { resourceType: string; id: string };
        yield `${resourceType}\t${id}\t${copyField(line.text)}`;
      }
    }
  };
  await copyIn(dedicated, 'copy public.raw_stage from stdin', rows());
  await dedicated.end();
  await sql.unsafe(
    'insert into public.raw_record select distinct on (type, id) * from public.raw_stage on conflict (type, id) do update set body = excluded.body where public.raw_record.body <> excluded.body',
  );
  return { rawSeconds: (performance.now() - started) / 1000 };
}

/** Makes the pull that {@link goOn} takes the steps of. */
export async function planPull(deps: Deps): Promise<void> {
  await peerOf(deps);
  await planPulls(deps, { cause: 'command', again: true });
}

/** Takes the steps of the one pull from wherever it is, as a node that starts again does. */
export async function goOn(deps: Deps, owner: string): Promise<{ done: true }> {
  await freeLeases(deps.database.sql);
  const [row] = await deps.database.sql<{ id: string }[]>`select id from exchange.pull`;
  await untilState(deps, new PeerTokens(), owner, row?.id ?? '', 'done');
  return { done: true };
}

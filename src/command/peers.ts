// The commands about peers: add, approve, suspend, list, check.
import { readFileSync } from 'node:fs';
import { discover } from '../../exchange/client/discover.ts';
import { PeerFault } from '../../exchange/client/peer-fetch.ts';
import { addresses } from '../../exchange/plan.ts';
import { auditRow, writeAudit } from '../../exchange/store/audit.ts';
import { linkOtherCoverage } from '../../exchange/store/enrolment.ts';
import { addPeer, findPeer, listPeers, recordCheck, setPeerState } from '../../exchange/store/peer.ts';
import { BULK_MATCH_SCOPE, parseScope, SINGLE_MATCH_SCOPE } from '../auth/scopes.ts';
import { CommandFault } from './fault.ts';
import { person, withNode } from './node.ts';

const say = (line: string) => void process.stdout.write(`${line}\n`);

export type AddOptions = {
  name: string;
  npi?: string;
  fhirBase?: string;
  clientIdThere?: string;
  clientId?: string;
  jwksUrl?: string;
  jwks?: string;
  scope?: string[];
};

export async function peerAdd(id: string, o: AddOptions): Promise<void> {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(id) || id === 'own')
    throw new CommandFault(`"${id}" is no peer id: use lower-case letters, digits and hyphens.`);
  if (o.npi !== undefined && !/^[0-9]{10}$/.test(o.npi)) throw new CommandFault('--npi must be ten digits.');
  for (const [flag, value] of [
    ['--fhir-base', o.fhirBase],
    ['--jwks-url', o.jwksUrl],
  ] as const)
    if (value !== undefined && !URL.canParse(value)) throw new CommandFault(`${flag} is not a URL.`);
  if (o.jwks !== undefined && o.jwksUrl !== undefined) throw new CommandFault('Give --jwks or --jwks-url, not both.');
  if (o.clientId !== undefined && o.jwks === undefined && o.jwksUrl === undefined)
    throw new CommandFault('A client that asks us needs its keys: --jwks-url or --jwks.');
  const unknown = (o.scope ?? []).find((s) => parseScope(s) === undefined);
  if (unknown !== undefined) throw new CommandFault(`"${unknown}" is no scope that can be granted.`);
  const jwks = o.jwks === undefined ? undefined : readKeys(o.jwks);
  await withNode(async ({ deps }) => {
    const now = deps.clock();
    const done = await deps.database.sql.begin(async (tx) => {
      const added = await addPeer(
        tx,
        {
          id,
          name: o.name,
          ...(o.npi === undefined ? {} : { npi: o.npi }),
          ...(o.fhirBase === undefined ? {} : { fhirBase: o.fhirBase.replace(/\/+$/, '') }),
          ...(o.clientIdThere === undefined ? {} : { clientIdThere: o.clientIdThere }),
          ...(o.clientId === undefined ? {} : { clientIdHere: o.clientId }),
          ...(o.jwksUrl === undefined ? {} : { jwksUrl: o.jwksUrl }),
          ...(jwks === undefined ? {} : { jwks }),
          scopes: o.scope ?? [BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE, 'system/*.rs'],
        },
        person(),
        now,
      );
      if (added)
        await writeAudit(tx, [
          auditRow({
            at: now,
            actorKind: 'command',
            actor: person(),
            action: 'peer-added',
            object: `peer/${id}`,
            peerId: id,
          }),
        ]);
      return added;
    });
    if (!done) throw new CommandFault(`There is a peer "${id}" already.`);
    const linked = await linkOtherCoverage(deps.database.sql, { id, npi: o.npi ?? null, name: o.name });
    say(`${id} is added and waits for approval: peer approve ${id}`);
    if (linked > 0) say(`${linked} members named it as their other payer.`);
    say(`Our keys for its registration: ${addresses(deps.config).clientJwks}`);
  });
}

function readKeys(file: string): { keys: JsonWebKey[] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new CommandFault(`${file} cannot be read as JSON.`);
  }
  if (typeof parsed !== 'object' || parsed === null || !Array.isArray((parsed as { keys?: unknown }).keys))
    throw new CommandFault(`${file} is not a JWK set.`);
  const keys = (parsed as { keys: JsonWebKey[] }).keys;
  if (keys.some((k) => 'd' in k))
    throw new CommandFault(`${file} holds a private key. Keep it secret and give us the public half.`);
  return { keys };
}

export async function peerApprove(id: string): Promise<void> {
  await withNode(async ({ deps, config }) => {
    const peer = await findPeer(deps.database.sql, id);
    if (!peer) throw new CommandFault(`There is no peer "${id}".`);
    if (peer.state === 'active') throw new CommandFault(`${id} is active already.`);
    if (config.peerSecondPerson && !config.sandbox && peer.addedBy === person())
      throw new CommandFault(
        `${id} was added by ${peer.addedBy}: another person must approve it (PEER_SECOND_PERSON).`,
      );
    await move(deps, id, 'active', 'peer-approved');
    say(`${id} is active.`);
  });
}

export async function peerSuspend(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    if (!(await findPeer(deps.database.sql, id))) throw new CommandFault(`There is no peer "${id}".`);
    await move(deps, id, 'suspended', 'peer-suspended');
    say(`${id} is suspended: its tokens are void and nothing is asked of it.`);
  });
}

async function move(
  deps: Parameters<Parameters<typeof withNode>[0]>[0]['deps'],
  id: string,
  state: 'active' | 'suspended',
  action: string,
): Promise<void> {
  const now = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await setPeerState(tx, id, state, person(), now);
    await writeAudit(tx, [
      auditRow({ at: now, actorKind: 'command', actor: person(), action, object: `peer/${id}`, peerId: id }),
    ]);
  });
}

export async function peerList(): Promise<void> {
  await withNode(async ({ deps }) => {
    const peers = await listPeers(deps.database.sql);
    if (peers.length === 0) say('There are no peers. Add one: peer add ID --name NAME …');
    for (const p of peers) {
      say(`${p.id.padEnd(20)} ${p.state.padEnd(10)} ${p.name}`);
      say(
        `${''.padEnd(31)} we ask: ${p.fhirBase ?? '—'}${p.clientIdThere === null ? '' : ` as ${p.clientIdThere}`}; asks us: ${p.clientIdHere ?? '—'}`,
      );
    }
  });
}

export async function peerCheck(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const peer = await findPeer(deps.database.sql, id);
    if (!peer) throw new CommandFault(`There is no peer "${id}".`);
    try {
      const found = await discover(deps, peer);
      await recordCheck(deps.database.sql, id, deps.clock(), true, found);
      say(`${id} answers: FHIR ${found.fhirVersion ?? '?'}, ${found.software ?? 'unnamed software'}`);
      say(
        `  token endpoint ${found.tokenEndpoint}${peer.tokenEndpoint !== null && peer.tokenEndpoint !== found.tokenEndpoint ? '  DIFFERS from the pinned one' : ''}`,
      );
      say(`  Group operations: ${found.groupOperations.join(', ') || 'none named'}`);
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
      await recordCheck(deps.database.sql, id, deps.clock(), false, { reason: error.reason });
      throw new CommandFault(`${id} cannot be used: ${error.reason}.`);
    }
  });
}

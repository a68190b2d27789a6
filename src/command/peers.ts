// The commands about peers: add, approve, suspend, list, check.
import { readFileSync } from 'node:fs';
import { checkPeer } from '../../exchange/peers/check.ts';
import { DEFAULT_SCOPES } from '../../exchange/peers/registration.ts';
import { type By, movePeer, registerPeer } from '../../exchange/peers/registry.ts';
import { addresses } from '../../exchange/plan.ts';
import { countLinked } from '../../exchange/store/enrolment.ts';
import { findPeer, listPeers } from '../../exchange/store/peer.ts';
import { parseScope } from '../auth/scopes.ts';
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
    const fields = {
      name: o.name,
      npi: o.npi ?? null,
      fhirBase: o.fhirBase?.replace(/\/+$/, '') ?? null,
      clientIdThere: o.clientIdThere ?? null,
      clientIdHere: o.clientId ?? null,
      jwksUrl: o.jwksUrl ?? null,
      jwks: jwks ?? null,
      scopes: o.scope ?? [...DEFAULT_SCOPES],
    };
    if ((await registerPeer(deps, id, fields, ourselves())) === 'taken')
      throw new CommandFault(`There is a peer "${id}" already, or its client id is taken.`);
    const linked = await countLinked(deps.database.sql, id);
    say(`${id} is added and waits for approval: peer approve ${id}`);
    if (linked > 0) say(`${linked} members named it as their other payer.`);
    say(`Our keys for its registration: ${addresses(deps.config).clientJwks}`);
  });
}

const ourselves = (): By => ({ kind: 'command', name: person() });

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
  await withNode(async ({ deps }) => {
    const done = await movePeer(deps, id, 'active', ourselves());
    if (done === 'not-found') throw new CommandFault(`There is no peer "${id}".`);
    if (done === 'same-person')
      throw new CommandFault(`You added or suspended ${id}: another person must approve it (PEER_SECOND_PERSON).`);
    if (done !== 'ok') throw new CommandFault(`${id} is active already, or closed.`);
    say(`${id} is active.`);
  });
}

export async function peerSuspend(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const done = await movePeer(deps, id, 'suspended', ourselves());
    if (done === 'not-found') throw new CommandFault(`There is no peer "${id}".`);
    if (done !== 'ok') throw new CommandFault(`${id} is not active.`);
    say(`${id} is suspended: its tokens are void and nothing is asked of it.`);
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
    const checked = await checkPeer(deps, peer, ourselves());
    if ('fault' in checked) throw new CommandFault(`${id} cannot be used: ${checked.fault}.`);
    const { found, differs } = checked;
    say(`${id} answers: FHIR ${found.fhirVersion ?? '?'}, ${found.software ?? 'unnamed software'}`);
    say(`  token endpoint ${found.tokenEndpoint}`);
    for (const d of differs) say(`  ${d.name} DIFFERS from the pinned ${d.pinned}`);
    say(`  Group operations: ${found.groupOperations.join(', ') || 'none named'}`);
  });
}

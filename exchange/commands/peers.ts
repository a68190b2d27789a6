// The commands about peers: add, approve, suspend, list, check.
import { readFileSync } from 'node:fs';
import { parseScope } from '../../src/auth/scopes.ts';
import { isNpiSystem } from '../../src/fhir/npi.ts';
import { isId } from '../../src/fhir/reference.ts';
import { networkPolicy } from '../../src/net/address.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { countLinked } from '../members/enrolment/write-enrolment.ts';
import { checkPeer } from '../peers/check.ts';
import { healthFacts } from '../peers/health-text.ts';
import { findPeer, listPeers } from '../peers/peer.ts';
import {
  DEFAULT_SCOPES,
  fileOrigin,
  isAddress,
  isPeerId,
  MAX_ADDRESS,
  neverAsked,
  oneLine,
  readKeySet,
} from '../peers/registration.ts';
import { type By, limitPeer, movePeer, registerPeer } from '../peers/registry.ts';
import { relearnPeer } from '../peers/relearn.ts';
import { addresses } from '../plan.ts';
import { meaning } from '../reconcile/reasons.ts';
import { findEndpoints } from '../requester/client/endpoints.ts';
import { isLimitName, LIMITS } from '../requester/client/limits.ts';
import { aheadText } from '../staff/data/texts.ts';

export type AddOptions = {
  name: string;
  npi?: string;
  postalAddress?: string;
  fhirBase?: string;
  clientIdThere?: string;
  clientId?: string;
  jwksUrl?: string;
  jwks?: string;
  scope?: string[];
  fileHost?: string[];
  group?: string;
  sendsAll?: boolean;
  audience?: string;
  discoveryUrl?: string;
};

export async function peerAdd(id: string, o: AddOptions): Promise<void> {
  if (!isPeerId(id)) throw new CommandFault(`"${id}" is no peer id: use lower-case letters, digits and hyphens.`);
  if (o.npi !== undefined && !/^[0-9]{10}$/.test(o.npi)) throw new CommandFault('--npi must be ten digits.');
  for (const [flag, value] of [
    ['--fhir-base', o.fhirBase],
    ['--jwks-url', o.jwksUrl],
    ['--discovery-url', o.discoveryUrl],
  ] as const)
    if (value !== undefined && !isAddress(value))
      throw new CommandFault(`${flag} must be an http or https address without user, query or fragment.`);
  if (o.jwks !== undefined && o.jwksUrl !== undefined) throw new CommandFault('Give --jwks or --jwks-url, not both.');
  if (o.clientId !== undefined && o.jwks === undefined && o.jwksUrl === undefined)
    throw new CommandFault('A client that asks us needs its keys: --jwks-url or --jwks.');
  const unknown = (o.scope ?? []).find((s) => parseScope(s) === undefined);
  if (unknown !== undefined) throw new CommandFault(`"${unknown}" is no scope that can be granted.`);
  if ((o.postalAddress?.length ?? 0) > MAX_ADDRESS)
    throw new CommandFault(`--postal-address is longer than ${MAX_ADDRESS} characters.`);
  const fileOrigins = (o.fileHost ?? []).map((typed) => {
    const origin = fileOrigin(typed);
    if (origin === undefined) throw new CommandFault(`"${typed}" is no host of files: https://files.example`);
    return origin;
  });
  if (o.group !== undefined && !isId(o.group)) throw new CommandFault('--group must be the id of a Group.');
  const audience = o.audience ?? 'token-url';
  if (audience !== 'token-url' && audience !== 'issuer') throw new CommandFault('--audience is token-url or issuer.');
  const jwks = o.jwks === undefined ? undefined : readKeys(o.jwks);
  await withNode(async ({ deps }) => {
    const fields = {
      name: o.name,
      npi: o.npi ?? null,
      postalAddress: oneLine(o.postalAddress ?? null),
      fhirBase: o.fhirBase?.replace(/\/+$/, '') ?? null,
      clientIdThere: o.clientIdThere ?? null,
      clientIdHere: o.clientId ?? null,
      jwksUrl: o.jwksUrl ?? null,
      jwks: jwks ?? null,
      scopes: o.scope ?? [...DEFAULT_SCOPES],
      fileOrigins,
      groupThere: o.group ?? null,
      sendsAll: o.sendsAll ?? false,
      audience: audience as 'token-url' | 'issuer',
      discoveryUrl: o.discoveryUrl ?? null,
    };
    const [never] = neverAsked(fields, networkPolicy(deps.config));
    if (never !== undefined) throw new CommandFault(never);
    if ((await registerPeer(deps, id, fields, ourselves())) === 'taken')
      throw new CommandFault(`There is a peer "${id}" already, or its client id is taken.`);
    const linked = await countLinked(deps.database.sql, id);
    say(`${id} is added and waits for approval: peer approve ${id}`);
    if (fields.npi === null)
      say(
        `${id} has no NPI: requests and consents name it by "${o.name}", and who is asked knows that as itself or matches no one.`,
      );
    if (linked > 0) say(`${linked} members named it as their other payer.`);
    say(`Our keys for its registration: ${addresses(deps.config).clientJwks}`);
  });
}

const ourselves = (): By => ({ kind: 'command', name: person() });

function readKeys(file: string): { keys: JsonWebKey[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new CommandFault(`${file} cannot be read.`);
  }
  const keys = readKeySet(text);
  if (typeof keys === 'string') throw new CommandFault(`${file}: ${keys}`);
  return keys;
}

export async function peerApprove(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const done = await movePeer(deps, id, 'active', ourselves());
    if (done === 'not-found') throw new CommandFault(`There is no peer "${id}".`);
    if (done === 'same-person')
      throw new CommandFault(`You added or suspended ${id}: another person must approve it (PEER_DUAL_APPROVAL).`);
    if (done !== 'ok') throw new CommandFault(`${id} is active already, or closed.`);
    say(`${id} is active.`);
  });
}

export async function peerSuspend(id: string, options: { reason?: string }): Promise<void> {
  await withNode(async ({ deps }) => {
    const done = await movePeer(deps, id, 'suspended', ourselves(), options.reason);
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
      if (p.fhirBase !== null)
        say(
          `${''.padEnd(31)} ${p.abilities === null ? 'not asked yet' : `by ${p.abilities.match}, ${p.abilities.fetch}`}${p.failures === 0 ? '' : `; ${p.failures} failures in a row (${p.failure ?? ''})`}${p.pausedUntil === null ? '' : `; paused until ${p.pausedUntil.toISOString()}`}`,
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
    if (found.aheadSeconds !== undefined) say(`  ${aheadText(found.aheadSeconds)}`);
    for (const fault of found.unfit) say(`  ${meaning('finding', fault).text}`);
    for (const d of differs) say(`  ${d.name} DIFFERS from the pinned ${d.pinned}`);
    say(`  Group operations: ${found.groupOperations.join(', ') || 'none named'}`);
  });
}

/** All that is known of how a payer is asked and whether it answers. */
export async function peerShow(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const peer = await findPeer(deps.database.sql, id);
    if (!peer) throw new CommandFault(`There is no peer "${id}".`);
    say(`${peer.id}  ${peer.state}  ${peer.name}`);
    for (const f of healthFacts(peer))
      say(`  ${f.name.padEnd(26)} ${f.at === undefined ? (f.value ?? '—') : (f.at?.toISOString() ?? '—')}`);
    for (const [name, limit] of Object.entries(LIMITS)) {
      const own = peer.limits[name];
      if (own !== undefined) say(`  limit ${name.padEnd(20)} ${own} ${limit.unit} (usually ${limit.value})`);
    }
  });
}

/** `NAME=VALUE`, or `NAME=` for the usual one again. */
export async function peerLimit(id: string, pair: string): Promise<void> {
  const [name = '', value = ''] = pair.split('=');
  if (!isLimitName(name)) throw new CommandFault(`"${name}" is no limit. Limits: ${Object.keys(LIMITS).join(', ')}.`);
  const number = value === '' ? undefined : Number(value);
  if (number !== undefined && (!Number.isFinite(number) || number < 0))
    throw new CommandFault(`${name} must be a number of ${LIMITS[name].unit}.`);
  if (name === 'members' && number !== undefined && number < 1)
    throw new CommandFault('members must be 1 or more: a payer that is not to be asked is suspended.');
  await withNode(async ({ deps }) => {
    const done = await limitPeer(deps, id, name, number, ourselves());
    if (done === 'not-found') throw new CommandFault(`There is no peer "${id}".`);
    say(`${id}: ${name} is ${number ?? LIMITS[name].value} (${LIMITS[name].unit}).`);
  });
}

export async function peerRelearn(id: string): Promise<void> {
  await withNode(async ({ deps }) => {
    const done = await relearnPeer(deps, id, ourselves());
    if (done === 'not-found') throw new CommandFault(`There is no peer "${id}".`);
    if (done === 'no-change') throw new CommandFault(`${id} is asked as it offers: nothing else was learned of it.`);
    say(`${id} is asked in every form that it offers again, from the next pull on.`);
  });
}

/** Where a payer says that its exchange is. Nothing is registered. */
export async function peerFind(url: string): Promise<void> {
  if (!URL.canParse(url)) throw new CommandFault('The address is not a URL.');
  await withNode(async ({ deps }) => {
    const { endpoints, identifiers, name, faults } = await findEndpoints(deps, url);
    if (name !== undefined) say(name);
    for (const i of identifiers) say(`  ${isNpiSystem(i.system) ? 'NPI' : i.system} ${i.value}`);
    for (const e of endpoints) say(`  ${e.url}  (${e.code}, ${e.source})`);
    for (const fault of faults) say(`  ${fault}`);
    if (endpoints.length === 0) throw new CommandFault('No address of a payer-to-payer exchange is published there.');
    const npi = identifiers.find((i) => isNpiSystem(i.system))?.value;
    say(
      `Register it: peer add ID --name NAME${npi === undefined ? '' : ` --npi ${npi}`} --fhir-base ${endpoints[0]?.url ?? ''} --discovery-url ${url}`,
    );
  });
}

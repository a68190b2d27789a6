// The payer that asks the plan of plan-of-questions.ts, and the books that it keeps itself of what it asked and fetched.
import { SINGLE_MATCH_SCOPE } from '../../../src/auth/scopes.ts';
import type { ScriptedPeer } from '../../support/scripted-peer.ts';
import { ExportClient } from '../export-client.ts';
import { BULK_MATCH, client } from '../peer-client.ts';
import { card, matchBody, parts } from '../plan-fixture.ts';
import { FORMULA, id, type Name, ny, WHO } from './question-people.ts';

export type Books = {
  asked: { what: string; at: Date; status: number; object?: string }[];
  fetched: { url: string; at: Date; body: string }[];
  /** asks for a token again, as of now */
  again(): Promise<unknown>;
};

export async function askThePlan(peer: ScriptedPeer): Promise<Books> {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const asked: Books['asked'] = [];
  const fetched: Books['fetched'] = [];
  // February: a payer asks us. The Friday before a long weekend, a minute before midnight; the second answered in the last minute, the third late
  peer.at(ny('2027-02-12T23:58:00'));
  const there = await client(peer.node, 'asker', {
    npi: '9000000012',
    scopes: [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'],
  });
  await sql`update exchange.peer set name = ${FORMULA}, postal_address = '1 Harbor Way, Portland' where id = 'asker'`;
  const them = new ExportClient(peer.node, there);
  const scope = `${BULK_MATCH} ${SINGLE_MATCH_SCOPE} system/*.rs`;
  const call = async (what: string, path: string, init: Parameters<ExportClient['call']>[1] = {}) => {
    const at = deps.clock();
    const got = await them.call(path, init);
    asked.push({
      what,
      at,
      status: got.status,
      ...(got.header('content-location') ? { object: got.header('content-location') ?? '' } : {}),
    });
    return got;
  };
  await them.signIn(scope, deps.clock());
  const us = { npi: '9000000004', name: 'New Plan' };
  const payor = {
    payor: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: us.npi }, display: us.name },
  };
  const bundle = (name: Name, i: number) => {
    const made = parts({ ...card(WHO[name]), id: `m-${i}`, ...payor }, '2027-02-01');
    const actor = { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000012' }, display: 'Asker' };
    const [performer, recipient] = made.consent.provision['actor'] as { reference: object }[];
    Object.assign(performer ?? {}, { reference: payor.payor });
    Object.assign(recipient ?? {}, { reference: actor });
    Object.assign(made.coverageToLink, { payor: [actor] });
    return made;
  };
  const KICK = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };
  const kicked = async (what: string, path: string, body: object, answeredAt?: Date) => {
    const kick = await call(what, path, { method: 'POST', body, headers: KICK });
    if (answeredAt) peer.at(answeredAt);
    await peer.node.work();
    const state = kick.header('content-location') ?? '';
    if (answeredAt) await them.signIn(scope, deps.clock());
    return (await them.call(state)).json() as { output: { type: string; url: string }[] };
  };
  const read = async (url: string) => {
    const at = deps.clock();
    const got = await them.call(url);
    if (got.status === 200) fetched.push({ url, at, body: got.bytes.toString('utf8') });
    return got;
  };
  const match = await kicked(
    'match',
    '/Group/$bulk-member-match',
    matchBody(bundle('ana', 0), bundle('ana2', 1), bundle('never', 2)),
  );
  const groups = (await read(match.output.find((f) => f.type === 'Group')?.url ?? '')).bytes
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((l) => JSON.parse(l) as { id: string });
  const group = groups.find((g) => JSON.stringify(g).includes('"match"'))?.id ?? '';
  const types = (t: string) => ({ resourceType: 'Parameters', parameter: [{ name: '_type', valueString: t }] });
  const made = await kicked(
    'export',
    `/Group/${group}/$davinci-data-export`,
    types('Observation,Patient,ExplanationOfBenefit'),
    ny('2027-02-16T23:59:30'),
  );
  const file = made.output.find((f) => f.type === 'Observation')?.url ?? '';
  await read(file);
  await read(file);
  await read(made.output.find((f) => f.type === 'ExplanationOfBenefit')?.url ?? '');
  // a holiday of the plan's own, reported after the due dates of before were set
  Object.assign(deps.config, { extraHolidays: ['2027-02-17'] });
  await kicked('export', `/Group/${group}/$davinci-data-export`, types('Patient'), ny('2027-02-19T12:00:00')); // late, and never fetched
  peer.at(ny('2027-02-19T22:00:00')); // the 20th in UTC
  await them.signIn(scope, deps.clock());
  const single = (name: Name) => ({
    resourceType: 'Parameters',
    parameter: (matchBody(bundle(name, 0)).parameter as { part: object[] }[])[0]?.part ?? [],
  });
  await call('single', '/Patient/$member-match', {
    method: 'POST',
    body: single('ana'),
    headers: { 'content-type': 'application/fhir+json' },
  });
  await call('single', '/Patient/$member-match', {
    method: 'POST',
    body: single('april'),
    headers: { 'content-type': 'application/fhir+json' },
  });
  await call('read', `/Observation?patient=${id('ana')}`);
  await call('refused', `/Patient/${id('ben')}`);
  await call('refused', '/Group/11111111-1111-1111-1111-111111111111/$export', { headers: KICK });

  return { asked, fetched, again: () => them.signIn(scope, deps.clock()) };
}

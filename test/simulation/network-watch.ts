// A payer beside a network of payers (network.ts), who asks one of them for everything: what leaves it.
import type { Resource } from '../../src/fhir/resource.ts';
import { ExportClient, REGULAR, SENSITIVE } from '../exchange/export-client.ts';
import { BULK_MATCH, client } from '../exchange/peer-client.ts';
import { card, matchBody, parts, planDay } from '../exchange/plan-fixture.ts';
import type { TestNode } from '../support/node.ts';
import { npiOf, PEOPLE, personAt } from './network-records.ts';

export type Policy = 'regular' | 'sensitive';
const ASKER = '9000000004';
const npi = (value: string) => ({ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value } });
let asked = 0;

/** All records that a payer gives of its members to a payer who has asked for nothing before. */
export async function everybodyAsks(node: TestNode, plan: number, policy: Policy, now: Date): Promise<Resource[]> {
  const id = `watch-${++asked}`;
  const them = new ExportClient(node, await client(node, id, { npi: ASKER, scopes: [BULK_MATCH, 'system/*.rs'] }));
  await them.signIn(undefined, now);
  const bundles = PEOPLE.map((who) => {
    const made = parts({ ...card(personAt(plan, who)), id: `m-${who}`, payor: npi(npiOf(plan)) }, planDay(now));
    Object.assign(made.consent, { policy: [{ uri: policy === 'regular' ? REGULAR : SENSITIVE }] });
    const [us] = (made.consent.provision['actor'] as { reference: object }[]).slice(0, 1);
    Object.assign(us as object, { reference: npi(npiOf(plan)) });
    return made;
  });
  const headers = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };
  const kick = await them.call('/Group/$bulk-member-match', { method: 'POST', body: matchBody(...bundles), headers });
  const { manifest } = await them.finished(kick);
  const groups = await them.lines(manifest.output.find((f) => f.type === 'Group')?.url ?? '');
  const group = String(groups.find((g) => JSON.stringify(g['code']).includes('"match"'))?.['id']);
  const { manifest: answer } = await them.finished(await them.get(`Group/${group}/$davinci-data-export`, ''));
  return them.output(answer);
}

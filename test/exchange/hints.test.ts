// What a client that is written from the guides meets first: another name of an operation, an operation at another place, and refusals
// that say what to send instead.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, card, enrol, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

let node: TestNode;
let peer: Client;
let token: string | undefined;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  peer = await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, 'system/*.rs'] });
});
afterAll(() => node.close());

const ASYNC = { prefer: 'respond-async', accept: 'application/fhir+json', 'content-type': 'application/fhir+json' };
async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  token ??= await peer.token();
  const answer = await fetch(`${node.base}/exchange/fhir/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...ASYNC, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  const outcome = text.startsWith('{') ? (JSON.parse(text) as { issue?: { diagnostics?: string }[] }) : undefined;
  return { status: answer.status, says: outcome?.issue?.[0]?.diagnostics ?? '' };
}

describe('an operation', () => {
  const body = JSON.stringify(matchBody(parts(card(PEOPLE.rivera))));

  test('of many members answers under both of its names', async () => {
    await enrol(node.deps, [PEOPLE.rivera]);
    for (const name of ['$bulk-member-match', '$multi-member-match', '%24multi-member-match'])
      expect((await ask('POST', `Group/${name}`, {}, body)).status, name).toBe(202);
    const metadata = await (await fetch(`${node.base}/exchange/fhir/metadata`)).text();
    expect(metadata).toContain('"name":"bulk-member-match"');
    expect(metadata).toContain('"name":"multi-member-match"');
  });

  test.each([
    ['POST', 'Patient/$bulk-member-match', 'Group/$bulk-member-match'],
    ['POST', 'Patient/p1/$member-match', 'Patient/$member-match'],
    ['POST', 'Group/$davinci-data-export', 'Group/[id]/$davinci-data-export'],
    ['GET', 'Group/%24davinci-data-export', 'Group/[id]/$davinci-data-export'],
    ['GET', '$bulk-member-match-status/1', 'metadata'],
    ['GET', 'Group/$nothing', 'metadata'],
  ])('at another place is reported where it is: %s %s', async (method, path, place) => {
    const { status, says } = await ask(method, path);
    expect([status, says.includes(place)]).toEqual([404, true]);
  });

  test('whose name is no name is not said again', async () => {
    const { status, says } = await ask('GET', 'Group/$<b>x');
    expect([status, says.includes('<')]).toEqual([404, false]);
    expect((await ask('GET', 'Group/$<b>x')).says).not.toContain('b>');
  });

  test('at its place answers other methods as before', async () => {
    expect((await ask('GET', 'Patient/$member-match')).status).toBe(405);
    expect((await ask('DELETE', 'Group/g/$export')).status).toBe(405);
  });
});

describe('what is refused says what to send', () => {
  test('a packed body', async () => {
    const { status, says } = await ask('POST', 'Group/$bulk-member-match', { 'content-encoding': 'gzip' }, '{}');
    expect([status, says.includes('Content-Encoding')]).toEqual([415, true]);
  });

  test('a body in wide letters', async () => {
    const of = (charset: string) =>
      ask('POST', 'Group/$bulk-member-match', { 'content-type': `application/fhir+json; charset=${charset}` }, '{}');
    expect(await of('utf-16')).toMatchObject({ status: 415, says: expect.stringContaining('UTF-8') });
    for (const charset of ['utf-8', '"UTF-8"', 'us-ascii', 'iso-8859-1'])
      expect((await of(charset)).status).not.toBe(415);
  });

  test('JSON that is none, with the place and nothing of what was sent', async () => {
    const kick = (body: string) => ask('POST', 'Group/$bulk-member-match', {}, body).then(({ says }) => says);
    const good = JSON.stringify({ name: 'MemberBundle', part: [] });
    const list = (second: string) => `{"resourceType":"Parameters","parameter":[{"name":"Other"},${second}]}`;
    expect(await kick(list('{"name":"Other" "a":1}'))).toBe('Parameter 2 is not valid JSON: look at its character 17.');
    // the engine does not tell the place of every fault
    expect(await kick(list('{"name":secret}'))).toBe('Parameter 2 is not valid JSON.');
    expect(await kick(`{"resourceType":secret,"parameter":[${good}]}`)).not.toContain('secret');
  });

  test('a type or a parameter by its name, when it can be nothing but a name', async () => {
    const says = async (query: string) => (await ask('GET', `Patient/$export?${query}`)).says;
    expect(await says('_type=Foo')).toContain('Foo');
    expect(await says('_count=1')).toContain('_count');
    expect(await says('_type=%3Cb%3E')).not.toContain('<');
    expect(await says('%3Cb%3E=1')).not.toContain('<');
    expect(await says('_since=2027-01-31')).toContain('T00:00:00Z');
  });

  test('a token request, in the same words whatever is wrong with its client', async () => {
    const refused = async (assertion: string) =>
      (await peer.post(await peer.form({ client_assertion: assertion }))).text();
    const texts = [
      await refused(await peer.assertion({ aud: 'https://other.example' })),
      await refused(await peer.assertion({ iss: 'nobody', sub: 'nobody' })),
      await refused(await peer.assertion({ jti: undefined })),
    ];
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('aud');
  });

  test('is reported to staff and to the self-test by the claim that is wrong', async () => {
    for (const claims of [{ sub: 'other' }, { jti: 7 }, { iat: Math.floor(Date.now() / 1000) + 900 }])
      await peer.post(await peer.form({ client_assertion: await peer.assertion(claims) }));
    const rows = await node.deps.database
      .sql`select reason from exchange.audit where action = 'token' and outcome = 'refused' order by seq desc limit 3`;
    expect(rows.map((r) => r['reason'])).toEqual(['not-yet', 'jti', 'subject']);
  });
});

// Nothing that a payer, a member or staff send or are stands in log or metrics: names, numbers, dates, tokens, assertions, values of searches, in
// requests that go well and in those that do not.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { createMemberPages } from '../../exchange/members/consent/member-page.ts';
import { createStaff } from '../../exchange/staff/app.ts';
import { developmentAccount } from '../../src/auth/staff-development.ts';
import { prometheus } from '../../src/runtime/metrics.ts';
import { jsonLog } from '../../src/runtime/node.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, type Person, parts, US } from './plan-fixture.ts';
import { fieldOf, Visitor } from './staff/support.ts';

const MARK = 'zqxmarker';
/** Where something is to be read that has digits, or letters of its own kind. */
const NUMBER = 'ZQX0044718';
const ADDRESS = '203.0.113.77';
const ONE_MATCH = 'http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match';
const SCOPES = [BULK_MATCH, ONE_MATCH, 'system/*.rs'];
const marked: Person = {
  number: NUMBER,
  family: `${MARK}fam`,
  given: `${MARK}giv`,
  born: '1974-12-25',
  subscriber: NUMBER,
};
const me = idOf(marked);

const lines: string[] = [];
const metrics = prometheus();
let node: TestNode;
let them: ExportClient;
beforeAll(async () => {
  node = await startNode(
    { PLAN_NPI: US.npi, PLAN_NAME: US.name, SANDBOX: 'on' },
    { log: jsonLog('debug', (line) => lines.push(line)), metrics },
  );
  await enrol(
    node.deps,
    [marked],
    [
      {
        resourceType: 'Observation',
        id: 'o1',
        status: 'final',
        code: { text: `${MARK} lab` },
        subject: { reference: `Patient/${me}` },
        note: [{ text: MARK }],
      },
    ],
  );
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES }));
});
afterAll(() => node.close());

const HEADERS = {
  'user-agent': `${MARK}agent/1.0`,
  referer: `https://${MARK}.example/`,
  'x-forwarded-for': ADDRESS,
  'accept-language': `es, ${MARK}`,
  cookie: `${MARK}=1`,
  from: `${MARK}@mail.example`,
  // no id: it has letters that none may have
  'x-request-id': `${MARK} id`,
};
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const FHIR = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };

const statuses = new Map<number, number>();
const counted = (status: number) => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
const GETS = [
  `/Patient?name=${MARK}`,
  `/Patient?identifier=${NUMBER}`,
  `/Patient/${me}`,
  `/Patient/${MARK}`,
  `/Patient/${me}/$everything`,
  `/Patient/${me}/$everything?_type=${MARK}`,
  `/Observation?patient=${me}&code=${MARK}`,
  `/Observation?${MARK}=1`,
  `/Observation/${MARK}`,
  `/Binary/${MARK}`,
  `/Coverage?beneficiary=${me}`,
  `/ExplanationOfBenefit?identifier=${MARK}|${NUMBER}`,
  `/Group?characteristic=${MARK}`,
  `/Group/${MARK}`,
  `/Group/${MARK}/$davinci-data-export?exportType=${MARK}`,
  `/Patient/$export?_type=${MARK}`,
  `/Patient/$export?_typeFilter=Observation%3Fcode%3D${MARK}`,
  `/Patient/$export?patient=Patient/${MARK}`,
  `/Patient/$export?_since=${MARK}`,
  `/$export-status/${MARK}`,
  `/$export-file/${MARK}/${NUMBER}.ndjson`,
  `/$export-status/${'0'.repeat(32)}`,
  `/${MARK}`,
  `/$${MARK}`,
  `/Patient?access_token=${MARK}`,
];

async function ofPayer(): Promise<string[]> {
  const { peer } = them;
  const secrets: string[] = [await them.signIn(SCOPES.join(' '))];
  for (const claims of [{}, { jti: MARK }, { iss: MARK, sub: MARK }, { aud: `https://${MARK}.example` }, { exp: 1 }]) {
    const assertion = await peer.assertion(claims);
    secrets.push(assertion);
    const scope = 'jti' in claims ? MARK : SCOPES.join(' ');
    const answer = await peer.post(await peer.form({ client_assertion: assertion, scope }), { headers: HEADERS });
    counted(answer.status);
    secrets.push(((await answer.json()) as { access_token?: string }).access_token ?? assertion);
  }
  counted((await peer.post(await peer.form({ client_secret: MARK }), { query: `?${MARK}=${MARK}` })).status);
  const body = (asked: object) => matchBody(parts({ ...card(marked), ...asked }));
  const single = parts(card(marked));
  const post = async (path: string, sent: unknown, headers: Record<string, string> = FHIR) =>
    counted((await them.call(path, { method: 'POST', body: sent, headers: { ...HEADERS, ...headers } })).status);
  await post('/Group/$bulk-member-match', body({}));
  await post('/Group/$bulk-member-match', body({ id: MARK }));
  await post('/Group/$bulk-member-match', { resourceType: MARK, [MARK]: MARK });
  const one = (more: object) => ({
    resourceType: 'Parameters',
    parameter: Object.entries({
      MemberPatient: single.patient,
      CoverageToMatch: single.coverageToMatch,
      CoverageToLink: single.coverageToLink,
      Consent: single.consent,
      ...more,
    }).map(([name, resource]) => ({ name, resource })),
  });
  for (const p of [one({}), one({ [MARK]: { resourceType: MARK } }), MARK]) await post('/Patient/$member-match', p);
  await post('/Patient/$member-match', one({}), { 'content-type': `text/${MARK}` });
  await node.work();
  for (const path of GETS)
    counted((await them.call(path, { headers: { ...HEADERS, prefer: 'respond-async' } })).status);
  await them.call('/Observation/_search', { method: 'POST', headers: { ...FORM, ...HEADERS }, body: MARK });
  counted((await them.call('/Group', { token: `${MARK}.${MARK}.${MARK}`, headers: HEADERS })).status);
  const group = await them.group([card(marked)]);
  const { manifest } = await them.finished(await them.kick(`Group/${group}/$export`));
  expect(JSON.stringify(await them.output(manifest))).toContain(MARK);
  return secrets;
}

async function ofPeople(): Promise<void> {
  const account = developmentAccount(node.deps.config);
  const staff = new Visitor(createStaff(node.deps, { development: account }), node.base);
  await staff.signIn('dev-reviewer', account?.password ?? '');
  const csrf = fieldOf(await (await staff.get('/staff/members')).text(), 'csrf');
  for (const page of ['/staff/members', '/staff/disclosures'])
    for (const asked of [{ member: NUMBER }, { member: MARK }, { family: `${MARK}fam`, birth_date: '1974-12-25' }])
      counted((await staff.post(page, { csrf, ...asked })).status);
  for (const path of [
    `members/${me}`,
    `members/${MARK}`,
    `disclosures/${me}`,
    `record/${me}`,
    `events?q=${MARK}`,
    `${MARK}?${MARK}`,
  ])
    counted((await staff.get(`/staff/${path}`)).status);
  for (const what of ['choice', 'payer', 'invite'])
    counted((await staff.post(`/staff/members/${me}/${what}`, { csrf, choice: MARK, payer: MARK, note: MARK })).status);
  const wrong = new Visitor(createStaff(node.deps, { development: account }), node.base);
  await wrong.signIn('dev-admin', MARK);
  const member = new Visitor(createMemberPages(node.deps), node.base);
  counted((await member.get(`/my/${MARK}`)).status);
  counted((await member.post(`/my/${MARK}`, { birth_date: MARK })).status);
}

test('no marker of any request is in the log, nor in a metric', async () => {
  const secrets = await ofPayer();
  await ofPeople();
  // an error that no one expected, of a statement with a value
  const broken = { ...node.deps, database: { ...node.deps.database, sql: undefined as never } };
  const bare = createExchange(broken);
  const failed = await bare.request(`${node.base}/exchange/fhir/Patient?name=${MARK}`, {
    headers: { authorization: `Bearer ${secrets[0]}` },
  });
  counted(failed.status);
  await pause(50);
  // the run was not a row of refusals
  for (const status of [200, 202, 400, 401, 404, 415, 500]) expect([...statuses.keys()]).toContain(status);
  expect(lines.length).toBeGreaterThan(60);
  const told = [...lines, await metrics.text()];
  const low = [MARK, NUMBER.toLowerCase(), ADDRESS, '1974-12-25', ...secrets.map((s) => s.toLowerCase())];
  expect(told.filter((text) => low.some((m) => text.toLowerCase().includes(m)))).toEqual([]);
  expect(told.filter((text) => /eyJ[A-Za-z0-9_-]{10}/.test(text))).toEqual([]);
});

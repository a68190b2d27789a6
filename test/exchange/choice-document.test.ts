// The original that a Consent of ours names is there for the payer that was sent it, and for no one else.
import type { DocumentReference } from 'fhir/r4.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice } from '../../exchange/members/consent/record-choice.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
const me = idOf(PEOPLE.rivera);
let node: TestNode;
let prior: ExportClient;
let other: ExportClient;
let consent = '';
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  await enrol(node.deps, [PEOPLE.rivera]);
  const peerOf = async (id: string, npi: string) => {
    const made = new ExportClient(node, await client(node, id, { npi, scopes: ['system/*.rs'] }));
    await made.signIn('system/*.rs');
    return made;
  };
  prior = await peerOf('prior', '9000000004');
  other = await peerOf('other', '9000000012');
  await recordChoice(
    node.deps,
    me,
    {
      choice: 'opt-in',
      policy: 'regular',
      payers: 'both',
      channel: 'phone',
      language: 'en',
      verification: 'mother’s name',
      representative: { name: 'Jo Rivera', authority: 'guardian' },
      document: 'form 7',
    },
    ACTOR,
  );
  const { sql } = node.deps.database;
  const [made] = await sql<{ id: string }[]>`
    select id from exchange.consent where member_id = ${me} order by recorded_on desc, created_at desc limit 1`;
  consent = made?.id ?? '';
  for (const [peer, form, outcome] of [
    ['prior', 'bulk', 'not-matched'],
    // found by a search: it was sent no consent
    ['other', 'patients', 'matched'],
  ] as const) {
    await sql`
      insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, match_form) values (${peer}, ${peer}, 'done', 'opt-in', now(), now(), now(), ${form})`;
    await sql`
      insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values (${peer}, 's', ${me}, ${consent}, 'regular', ${outcome})`;
  }
});
afterAll(() => node.close());

const read = (who: ExportClient) => who.call(`/DocumentReference/${consent}`);
const words = (d: DocumentReference, n: number) =>
  Buffer.from(d.content[n]?.attachment.data ?? '', 'base64').toString();

test('who was sent it reads what was chosen and shown, and it stands in the audit', async () => {
  const answer = await read(prior);
  expect(answer.status).toBe(200);
  const document = answer.json() as DocumentReference;
  expect(document).toMatchObject({ resourceType: 'DocumentReference', id: consent, status: 'current' });
  expect(words(document, 0)).toMatch(
    /said yes[\s\S]*Without sensitive[\s\S]*Jo Rivera[\s\S]*guardian[\s\S]*phone[\s\S]*form 7/,
  );
  expect(words(document, 1).length).toBeGreaterThan(100);
  // how we knew the member is nothing to a payer
  expect(words(document, 0)).not.toContain('mother');
  const audit = await node.deps.database
    .sql`select from exchange.audit where peer_id = 'prior' and member_id = ${me} and object = ${`DocumentReference/${consent}`}`;
  expect(audit).toHaveLength(1);
});

test('no one else does', async () => {
  expect((await read(other)).status).toBe(404);
});

test('once the member has chosen again it says so', async () => {
  await recordChoice(
    node.deps,
    me,
    { choice: 'withdraw', policy: 'regular', payers: 'both', channel: 'mail', language: 'en', verification: 'x' },
    ACTOR,
  );
  const document = (await read(prior)).json() as DocumentReference;
  expect([document.status, words(document, 0).includes('chosen again')]).toEqual(['superseded', true]);
});

test('of someone who goes on as another member too, and it holds as long as that one has said nothing else', async () => {
  const { sql } = node.deps.database;
  const both = [PEOPLE.short, PEOPLE.babyak] as const;
  await enrol(node.deps, [...both]);
  const [stays, former] = both.map((p) => idOf(p)) as [string, string];
  const yes = { policy: 'regular', payers: 'both', channel: 'mail', language: 'en', verification: 'x' } as const;
  const choose = (memberId: string, choice: 'opt-in' | 'withdraw') =>
    recordChoice(node.deps, memberId, { ...yes, choice }, ACTOR);
  await choose(former, 'opt-in');
  const [made] = await sql<{ id: string }[]>`
    select id from exchange.consent where member_id = ${former} order by recorded_on desc, created_at desc limit 1`;
  const id = made?.id ?? '';
  await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values ('prior', 'f', ${former}, ${id}, 'regular', 'matched')`;
  const status = async () => {
    const answer = await prior.call(`/DocumentReference/${id}`);
    return answer.status === 200 ? (answer.json() as DocumentReference).status : answer.status;
  };
  expect(await status()).toBe('current');
  const who = { kind: 'command', subject: 'x', requestId: '' } as const;
  const asked = { memberId: stays, formerId: former, reason: 'one person' };
  const doubts = await makeOne(node.deps, { ...asked, seen: [] }, who);
  const seen = 'doubts' in doubts ? doubts.doubts.map((d) => d.code) : [];
  expect(await makeOne(node.deps, { ...asked, seen }, who)).toHaveProperty('id');
  expect(await status()).toBe('current');
  await choose(stays, 'withdraw');
  expect(await status()).toBe('superseded');
  expect(await makeTwo(node.deps, { formerId: former, reason: 'two after all' }, who)).toHaveProperty('id');
  expect(typeof (await status())).toBe('string');
});

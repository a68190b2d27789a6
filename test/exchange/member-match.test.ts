// $member-match over HTTP, and the defence against trying.
import { createHmac } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { findPeer, type Peer } from '../../exchange/peers/peer.ts';
import { addDocument } from '../../exchange/peers/peer-document.ts';
import { limitPeer } from '../../exchange/peers/registry.ts';
import { answerSingles } from '../../exchange/responder/match/answer-singles.ts';
import { attemptOf, judgeAttempt, keyed } from '../../exchange/responder/match/attempt.ts';
import { forgetAttempts, recordAttempts } from '../../exchange/responder/match/attempt-rows.ts';
import { type MemberBundle, readMemberBundles } from '../../exchange/responder/match/read-member-bundle.ts';
import { itemReport } from '../../exchange/review/read.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, type Asked, card, enrol, idOf, matchBody, PEOPLE, parts, planDay, US } from './plan-fixture.ts';

let node: TestNode;
let peer: Client;
let other: Client;
let token: string;
let otherToken: string;
let now = new Date();
const { rivera } = PEOPLE;
const SCOPES = [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'];
const SCOPE = SCOPES.join(' ');

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, MATCH_PER_MINUTE: '0' }, { clock: () => now });
  peer = await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES });
  other = await client(node, 'b', { npi: '9000000020', scopes: SCOPES });
  await enrol(node.deps, Object.values(PEOPLE));
  token = await peer.token(SCOPE);
  otherToken = await other.token(SCOPE);
});
beforeEach(async () => {
  await node.deps.database.sql`delete from exchange.match_attempt`;
});
afterAll(() => node.close());

type Part = { name: string; resource: Record<string, unknown> };
const single = (asked: Asked, change: (all: Part[]) => Part[] = (all) => all) => {
  const [bundle] = matchBody(parts(asked)).parameter as { part: Part[] }[];
  return { resourceType: 'Parameters', parameter: change(bundle?.part ?? []) };
};
const ask = async (body: unknown, bearer: string | null = token, headers: Record<string, string> = {}) => {
  now = new Date(now.getTime() + 10); // the next is newer
  const answer = await fetch(`${node.base}/exchange/fhir/Patient/$member-match`, {
    method: 'POST',
    headers: {
      'content-type': 'application/fhir+json',
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, text, headers: answer.headers, json: JSON.parse(text) as Record<string, unknown> };
};
const reason = async () => {
  const [row] = await node.deps.database.sql<{ reason: string; outcome: string; rule: number | null }[]>`
    select reason, outcome, rule from exchange.match_single order by at desc, id limit 1`;
  return row;
};

test('the scope for Patients is enough for who is registered for the match, and for no one else', async () => {
  const less = await client(node, 'less', { npi: '9000000021', scopes: [BULK_MATCH, 'system/*.rs'] });
  const may = async (by: Client, scope: string) => (await ask(single(card(rivera)), await by.token(scope))).status;
  expect([await may(peer, 'system/Patient.rs'), await may(peer, 'system/Patient.read')]).toEqual([200, 200]);
  const refused = [
    await may(peer, 'system/Patient.r'),
    await may(peer, 'system/Coverage.rs'),
    await may(less, 'system/Patient.rs'),
  ];
  expect(refused).toEqual([403, 403, 403]);
});

describe('one member', () => {
  test('is answered with both codings of its id and a reference', async () => {
    const a = await ask(single(card(rivera)));
    expect(a.status).toBe(200);
    expect(a.headers.get('cache-control')).toBe('no-store');
    const [umb] = await node.deps.database.sql<
      { umb: string }[]
    >`select umb from exchange.member where id = ${idOf(rivera)}`;
    expect(a.json).toEqual({
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'MemberIdentifier',
          valueIdentifier: {
            type: {
              coding: [
                { system: 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp', code: 'UMB' },
                { system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' },
              ],
            },
            system: `${node.base}/sid/umb`,
            value: umb?.umb,
          },
        },
        { name: 'MemberId', valueReference: { reference: `Patient/${idOf(rivera)}` } },
      ],
    });
    expect(umb?.umb).not.toBe(rivera.number);
    expect(await reason()).toEqual({ reason: 'matched', outcome: 'match', rule: 27 });
    const [audit] = await node.deps.database
      .sql`select action, actor, member_id, outcome from exchange.audit where object like 'member-match/%' order by seq desc limit 1`;
    expect(audit).toEqual({ action: 'match', actor: 'a', member_id: idOf(rivera), outcome: 'ok' });
  });

  test('who may not ask any more is out at once, with nothing kept, and takes no one who asks beside it along', async () => {
    const { sql } = node.deps.database;
    const third = await client(node, 'third', { npi: '9000000038', scopes: SCOPES });
    const held = await third.token(SCOPE);
    const theirs = single(
      card(rivera),
      (all) =>
        JSON.parse(
          JSON.stringify(all).replaceAll(ASKER.npi, '9000000038').replaceAll(ASKER.name, 'Payer third'),
        ) as Part[],
    );
    const kept = async () => {
      const [row] = await sql<{ n: number }[]>`
        select (select count(*) from exchange.match_single where peer_id = 'third')::int
          + (select count(*) from exchange.audit where peer_id = 'third' and action = 'match')::int as n`;
      return row?.n;
    };
    expect((await ask(theirs, held)).status).toBe(200);
    const before = await kept();
    for (const change of ['suspended', 'active'] as const) {
      // changed behind the back of this process, which let it in a moment ago
      await sql`update exchange.peer set state = ${change}, epoch = epoch + 1 where id = 'third'`;
      const [out, unread, beside] = await Promise.all([
        ask(theirs, held),
        ask('no JSON', held),
        ask(single(card(rivera))),
      ]);
      expect([change, out.status, unread.status, beside.status]).toEqual([change, 401, 401, 200]);
      expect(out.headers.get('www-authenticate')).toContain('invalid_token');
      expect(out.text).not.toContain('valueIdentifier');
    }
    expect(await kept()).toBe(before);
    expect((await ask(theirs, await third.token(SCOPE))).status).toBe(200);
  });

  test('a client of HRex 1.0 gets the identifier alone', async () => {
    const by = { kind: 'command', name: 'test' } as const;
    expect(await limitPeer(node.deps, 'a', 'memberId', 0, by)).toBe('ok');
    const a = await ask(single(card(rivera)));
    await limitPeer(node.deps, 'a', 'memberId', undefined, by);
    expect((a.json['parameter'] as Part[]).map((p) => p.name)).toEqual(['MemberIdentifier']);
  });

  test('no one, several, throttled and refused consent: the same status and length, two texts', async () => {
    const nobody = await ask(single({ ...card(rivera), born: '1901-05-05' }));
    expect(await reason()).toMatchObject({ reason: 'no-match' });
    const noConsent = await ask(single(card(rivera), (all) => all.filter((p) => p.name !== 'Consent')));
    expect(await reason()).toMatchObject({ reason: 'consent-malformed', outcome: 'consentconstraint' });
    for (const id of ['W1', 'W2', 'W3']) await ask(single({ ...card(rivera), memberId: id, subscriberId: undefined }));
    const throttled = await ask(single(card(rivera)));
    expect(await reason()).toMatchObject({ reason: 'throttled' });
    expect([nobody.status, noConsent.status, throttled.status]).toEqual([422, 422, 422]);
    expect(throttled.text).toBe(nobody.text);
    expect(noConsent.text).toHaveLength(nobody.text.length);
    expect(noConsent.headers.get('content-length')).toBe(nobody.headers.get('content-length'));
    expect(nobody.json).toMatchObject({ issue: [{ code: 'not-found', diagnostics: 'No unique member found.' }] });
    expect(noConsent.json).toMatchObject({ issue: [{ code: 'suppressed' }] });
  });

  test('a match by any rule tells that consent is the obstacle', async () => {
    const bySubscriber = { ...card(rivera), memberId: undefined, subscriberId: rivera.subscriber ?? rivera.number };
    const a = await ask(single(bySubscriber, (all) => all.filter((p) => p.name !== 'Consent')));
    expect(a.json).toMatchObject({ issue: [{ code: 'suppressed' }] });
    expect(await reason()).toMatchObject({ outcome: 'consentconstraint', rule: 31 });
  });

  test('a member who has said no to us since the consent began is reported like any consent that is not met', async () => {
    const { sql } = node.deps.database;
    const said = (choice: string, on: string, id: string) => sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${id}, ${idOf(PEOPLE.babyak)}, ${choice}, 'regular', ${on}, 'test')`;
    await said('withdraw', '2020-01-01', 'before');
    expect((await ask(single(card(PEOPLE.babyak)))).status).toBe(200);
    await said('withdraw', planDay(), 'since');
    const a = await ask(single(card(PEOPLE.babyak)));
    expect(a.json).toMatchObject({ issue: [{ code: 'suppressed' }] });
    expect(await reason()).toMatchObject({ reason: 'member-block', outcome: 'consentconstraint' });
  });

  test('the dead consent to nothing, unless someone speaks for them', async () => {
    const { sql } = node.deps.database;
    const [own] = await sql<
      { body: string }[]
    >`select body from exchange.resource where type = 'Patient' and id = ${idOf(PEOPLE.short)}`;
    const died = async (more: object) =>
      enrol(node.deps, [], [{ ...(JSON.parse(own?.body ?? '{}') as object), ...more }]);
    const today = planDay();
    await died({ deceasedDateTime: `${Number(today.slice(0, 4)) - 1}-03` });
    expect((await ask(single(card(PEOPLE.short)))).json).toMatchObject({ issue: [{ code: 'suppressed' }] });
    expect(await reason()).toMatchObject({ reason: 'member-deceased', outcome: 'consentconstraint' });
    const spokenFor = single(card(PEOPLE.short), (all) =>
      all.map((p) =>
        p.name === 'Consent'
          ? { ...p, resource: { ...(p.resource as object), performer: [{ reference: 'RelatedPerson/daughter' }] } }
          : p,
      ),
    );
    expect((await ask(spokenFor)).status).toBe(200);
    // who consented alive is believed afterwards
    await died({ deceasedDateTime: today });
    expect((await ask(single(card(PEOPLE.short)))).status).toBe(200);
    await died({ deceasedBoolean: true });
    expect((await ask(single(card(PEOPLE.short)))).status).toBe(422);
    await died({});
    expect((await ask(single(card(PEOPLE.short)))).status).toBe(200);
  });

  test('a standing statement of the asker serves where its coverage is left out, while it holds', async () => {
    const { sql } = node.deps.database;
    const bare = single(card(rivera), (all) => all.filter((p) => p.name !== 'CoverageToLink'));
    expect((await ask(bare)).status).toBe(422);
    expect(await reason()).toMatchObject({ reason: 'attestation-missing' });
    const statement = { peerId: 'a', kind: 'attestation', title: 'Standing statement', place: 'folder 1' } as const;
    await addDocument(sql, { ...statement, from: '2020-01-01', to: '2020-12-31' }, 'test', now);
    expect((await ask(bare)).status).toBe(422);
    await addDocument(sql, { ...statement, from: '2020-01-01', to: null }, 'test', now);
    expect((await ask(bare)).status).toBe(200);
    await sql`update exchange.peer_document set ended_at = now(), ended_by = 'test' where peer_id = 'a'`;
    expect((await ask(bare)).status).toBe(422);
  });

  describe('a signed statement of the asker serves where its coverage does not name it', () => {
    const seconds = () => Math.floor(now.getTime() / 1000);
    const claims = () => ({
      iss: 'client-a',
      iat: seconds(),
      jti: crypto.randomUUID(),
      statement: 'enrolled-and-opted-in',
      members: [{ id: 'm-1', consent: 'c-1' }],
    });
    const signed = (by: Client, change: object = {}, header: object = {}) =>
      new SignJWT({ ...claims(), ...change } as JWTPayload)
        .setProtectedHeader({ alg: 'ES384', kid: 'ec', ...header })
        .sign(by.ec.privateKey);
    /** The request without CoverageToLink, and with a statement in a document that the Consent contains. */
    const bare = (jws: string, link = false) =>
      single(card(rivera), (all) =>
        all
          .filter((p) => link || p.name !== 'CoverageToLink')
          .map((p) => {
            if (p.name === 'CoverageToLink')
              return { ...p, resource: { ...(p.resource as object), payor: [{ display: 'Third Plan' }] } };
            if (p.name !== 'Consent') return p;
            const attachment = { contentType: 'application/jose', data: Buffer.from(jws).toString('base64') };
            const document = {
              resourceType: 'DocumentReference',
              id: 'd',
              status: 'current',
              content: [{ attachment }],
            };
            return { ...p, resource: { ...(p.resource as object), id: 'c-1', contained: [document] } };
          }),
      );
    const attested = async () =>
      (
        await node.deps.database
          .sql`select attestation, sent::jsonb->'consent'->'contained' as kept from exchange.match_single order by at desc limit 1`
      )[0];

    test('with a key of its set, for this member and this consent', async () => {
      expect((await ask(bare(await signed(peer)))).status).toBe(200);
      expect(await attested()).toMatchObject({ attestation: 'signed', kept: [{ resourceType: 'DocumentReference' }] });
      expect((await ask(bare(await signed(peer), true))).status).toBe(200);
      expect((await ask(bare(await signed(peer, { members: [{ id: 'm-1' }] })))).status).toBe(200);
    });
    test.each<[string, () => Promise<string>]>([
      ['by another', () => signed(other)],
      ['of another issuer', () => signed(peer, { iss: 'client-b' })],
      ['for another person', () => signed(peer, { members: [{ id: 'm-2' }] })],
      ['under another consent', () => signed(peer, { members: [{ id: 'm-1', consent: 'c-2' }] })],
      ['about no one', () => signed(peer, { members: 'all' })],
      ['saying something else', () => signed(peer, { statement: 'enrolled' })],
      ['of two months ago', () => signed(peer, { iat: seconds() - 60 * 86_400 })],
      ['of tomorrow', () => signed(peer, { iat: seconds() + 86_400 })],
      ['without a key', () => signed(peer, {}, { kid: 'nobody' })],
      [
        'changed',
        async () =>
          (await signed(peer)).replace(/\.[^.]*\./, `.${Buffer.from(JSON.stringify(claims())).toString('base64url')}.`),
      ],
      ['that is none', async () => 'a.b.c'],
    ])('and not one %s', async (_, jws) => {
      expect((await ask(bare(await jws()))).status).toBe(422);
      expect(await reason()).toMatchObject({ reason: 'attestation-missing' });
      expect(await attested()).toMatchObject({ attestation: null });
    });
  });

  test('a batch may bring one statement for all, and keeps what each rested on', async () => {
    const { sql } = node.deps.database;
    const body = matchBody(parts(card(rivera)), {
      ...parts({ ...card(PEOPLE.short), id: 'm-2' }),
      coverageToLink: undefined,
    });
    const jws = await new SignJWT({
      iss: 'client-a',
      iat: Math.floor(now.getTime() / 1000),
      statement: 'enrolled-and-opted-in',
      members: [{ id: 'm-1' }, { id: 'm-2' }],
    } as JWTPayload)
      .setProtectedHeader({ alg: 'ES384', kid: 'ec' })
      .sign(peer.ec.privateKey);
    const rows = async (attestation: object[]) => {
      const kick = await fetch(`${node.base}/exchange/fhir/Group/$bulk-member-match`, {
        method: 'POST',
        headers: {
          accept: 'application/fhir+json',
          'content-type': 'application/fhir+json',
          prefer: 'respond-async',
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify({ ...body, parameter: [...body.parameter, ...attestation] }),
      });
      expect(kick.status).toBe(202);
      await node.work();
      const job = kick.headers.get('content-location')?.split('/').at(-1) ?? '';
      return sql`select reason, attestation, persons, fuzzy, rule, coverage_to_link is not null as linked
        from exchange.match_member where job_id = ${job} order by position`;
    };
    expect(await rows([])).toMatchObject([
      { reason: 'matched', attestation: 'coverage', persons: 1, fuzzy: null, rule: 27, linked: true },
      { reason: 'attestation-missing', attestation: null, linked: false },
    ]);
    expect(await rows([{ name: 'Attestation', valueString: jws }])).toMatchObject([
      { reason: 'matched', attestation: 'coverage' },
      { reason: 'matched', attestation: 'signed' },
    ]);
    await sql`delete from exchange.match_member`;
  });

  test('who fits twice is an item for people, once, and the answer is that of no one', async () => {
    const { sql } = node.deps.database;
    const one = { number: 'D1', family: 'Doubled', given: 'Dora', born: '1980-08-08', subscriber: 'SD' };
    await enrol(node.deps, [one, { ...one, number: 'D2' }]);
    const asked = single(card(one, { memberId: undefined }));
    for (const _ of [1, 2])
      expect((await ask(asked)).json).toMatchObject({
        issue: [{ code: 'not-found', diagnostics: 'No unique member found.' }],
      });
    expect(await reason()).toMatchObject({ reason: 'ambiguous', outcome: 'nomatch' });
    const items = await sql<{ id: string }[]>`select id from exchange.review_item where kind = 'ambiguous-match'`;
    expect(items).toHaveLength(1);
    const report = await itemReport(node.deps, items[0]?.id ?? '');
    expect([report?.first?.id, report?.second?.id].sort()).toEqual([idOf(one), idOf({ ...one, number: 'D2' })].sort());
  });

  test('sixteen questions at once are sixteen answers, each with its rows', async () => {
    const { sql } = node.deps.database;
    const [before] = await sql<{ n: number }[]>`select count(*)::int as n from exchange.audit where action = 'match'`;
    const people = Object.values(PEOPLE).filter((p) => p !== PEOPLE.junior && p !== PEOPLE.babyak);
    const all = Array.from({ length: 16 }, (_, i) => people[i % people.length] ?? rivera);
    const answers = await Promise.all(all.map((p) => ask(single(card(p)))));
    const told = answers.map((a) => (a.json['parameter'] as { valueReference?: { reference: string } }[])[1]);
    expect(told.map((t) => t?.valueReference?.reference)).toEqual(all.map((p) => `Patient/${idOf(p)}`));
    const [after] = await sql<{ n: number }[]>`select count(*)::int as n from exchange.audit where action = 'match'`;
    expect((after?.n ?? 0) - (before?.n ?? 0)).toBe(16);
  });

  test('questions that are tried again have one row each, and one in the audit', async () => {
    const { deps } = node;
    const { sql } = deps.database;
    const rows = async (id: string) => {
      const [row] = await sql<{ n: number[] }[]>`
        select array[(select count(*) from exchange.match_single where id = ${id})::int,
          (select count(*) from exchange.audit where object = ${`member-match/${id}`})::int, (select count(*) from exchange.match_attempt)::int] as n`;
      return row?.n;
    };
    const found = await findPeer(sql, peer.id);
    const asked = ['r-1', 'r-2'].map((id) => {
      const [bundle] = readMemberBundles(matchBody(parts(card(rivera))) as unknown as Json);
      return { id, peerId: peer.id, peer: async () => found as Peer, bundle: bundle as MemberBundle, requestId: id };
    });
    const first = await answerSingles(deps, asked);
    const attempts = (await rows('r-1'))?.[2] ?? 0;
    // the rows are there, their answer was lost on its way
    for (const one of asked) expect(await answerSingles(deps, [one])).toEqual(first.slice(0, 1));
    for (const id of ['r-1', 'r-2']) expect(await rows(id)).toEqual([1, 1, attempts]);

    // the statement whose answer was lost runs still, and ends after the question came again
    const [lost] = await sql`delete from exchange.match_single where id = 'r-1' returning *`;
    await sql`alter table exchange.audit disable trigger user`;
    await sql`delete from exchange.audit where object = 'member-match/r-1'`;
    await sql`alter table exchange.audit enable trigger user`;
    const other = deps.database.dedicated('work');
    let waiting: Promise<unknown> | undefined;
    await other.begin(async (tx) => {
      await tx`insert into exchange.match_single ${tx(lost as never)}`;
      waiting = answerSingles(deps, asked.slice(0, 1));
      waiting.catch(() => {}); // looked at below
      const holds = async () =>
        (
          await sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%match_single%' and pid <> pg_backend_pid()`
        ).length > 0;
      await vi.waitUntil(holds, { timeout: 10_000 });
    });
    await other.end();
    expect(await waiting).toEqual(first.slice(0, 1));
    expect((await rows('r-1'))?.slice(0, 2)).toEqual([1, 0]);

    // what is done for people fails: nothing is reported, and nothing written
    const one = { number: 'T1', family: 'Twofold', given: 'Tess', born: '1981-08-08', subscriber: 'ST' };
    await enrol(deps, [one, { ...one, number: 'T2' }]);
    const doubtful = asked.map((a, i) => {
      const [bundle] = readMemberBundles(matchBody(parts(card(one, { memberId: undefined }))) as unknown as Json);
      return { ...a, id: `t-${i}`, bundle: bundle as MemberBundle };
    });
    await sql.unsafe(
      `alter table exchange.review_item add constraint no_more check (kind <> 'ambiguous-match') not valid`,
    );
    await expect(answerSingles(deps, doubtful)).rejects.toThrow();
    await sql`alter table exchange.review_item drop constraint no_more`;
    expect((await rows('t-0'))?.slice(0, 2)).toEqual([0, 0]);
    await answerSingles(deps, doubtful);
    expect((await rows('t-0'))?.slice(0, 2)).toEqual([1, 1]);
  });

  test('refusals wait for their floor', async () => {
    Object.assign(node.deps.config, { matchMinLatencyMs: 120 });
    const started = performance.now();
    await ask(single({ ...card(rivera), born: '1901-05-05' }));
    const taken = performance.now() - started;
    Object.assign(node.deps.config, { matchMinLatencyMs: 0 });
    expect(taken).toBeGreaterThanOrEqual(119);
  });
});

describe('what is not answered', () => {
  test.each([
    ['no token', single(card(rivera)), null, 401],
    ['no JSON', '{', undefined, 400],
    ['Latin-1', Buffer.from(JSON.stringify(single({ ...card(rivera), family: 'Peña' })), 'latin1'), undefined, 400],
    ['another resource', { resourceType: 'Patient' }, undefined, 422],
    ['nothing in it', { resourceType: 'Parameters' }, undefined, 422],
    [
      'names before 1.0',
      single(card(rivera), (all) => [...all, { name: 'OldCoverage', resource: {} }]),
      undefined,
      422,
    ],
    ['a part twice', single(card(rivera), (all) => [...all, ...all.slice(0, 1)]), undefined, 422],
    ['no patient', single(card(rivera), (all) => all.slice(1)), undefined, 422],
    [
      'a patient without an id',
      single(card(rivera), (all) =>
        all.map((p) => (p.name === 'MemberPatient' ? { ...p, resource: { resourceType: 'Patient' } } : p)),
      ),
      undefined,
      422,
    ],
    ['a name of ten thousand letters', single({ ...card(rivera), family: 'x'.repeat(10_000) }), undefined, 422],
    ['a body too large', `{"resourceType":"Parameters","x":"${'y'.repeat(1_100_000)}"}`, undefined, 413],
  ])('%s', async (_, body, bearer, status) => {
    const a = await ask(body, bearer);
    expect(a.status).toBe(status);
    expect(a.json['resourceType']).toBe('OperationOutcome');
    expect(a.text).not.toContain(rivera.family);
  });

  test('without the scope: 403; by another media type: 415; by GET: 405', async () => {
    expect((await ask(single(card(rivera)), await peer.token('system/*.rs'))).status).toBe(403);
    expect((await ask(single(card(rivera)), token, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await fetch(`${node.base}/exchange/fhir/Patient/$member-match`)).status).toBe(405);
  });

  test('past its budget a peer is informed when to come back, others are not', async () => {
    Object.assign(node.deps.config, { matchPerMinute: 2 });
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await ask(single(card(rivera)))).status);
    const last = await ask(single(card(rivera)));
    const foreign = await ask(single(card(rivera)), otherToken);
    // who waits as long as it was issued is answered, however often it had been refused
    now = new Date(now.getTime() + Number(last.headers.get('retry-after')) * 1000);
    const later = await ask(single(card(rivera)));
    Object.assign(node.deps.config, { matchPerMinute: 0 });
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    expect(Number(last.headers.get('retry-after'))).toBe(30);
    expect(foreign.status).toBe(422); // its consent names another payer
    expect(later.status).toBe(200);
  });
});

describe('trying', () => {
  const tries = async (cards: string[], asked: Asked = card(rivera), bearer = token) => {
    for (const id of cards) await ask(single({ ...asked, memberId: id, subscriberId: undefined }), bearer);
  };
  const right = () => ask(single(card(rivera)));

  test('two cards for a person are a correction, the third is trying', async () => {
    await tries(['W1']);
    expect((await right()).status).toBe(200);
    await tries(['W2', 'W3']);
    expect((await right()).status).toBe(422);
    expect(await reason()).toMatchObject({ reason: 'throttled', rule: null });
  });

  test('the same question again and again is a retry', async () => {
    for (let i = 0; i < 10; i++) expect((await right()).status).toBe(200);
  });

  test.each([
    ['another letter in the family name', { family: 'Riveta' }],
    ['the birth date a day off', { born: new Date(Date.parse(rivera.born) + 86_400_000).toISOString().slice(0, 10) }],
  ])('%s is the same person', async (_, change) => {
    await tries(['W1', 'W2'], { ...card(rivera), ...change });
    expect((await right()).status).toBe(422);
  });

  // rules ask for the birth date, the card and one of the names: what they do not ask for may not hide whom someone tries cards for
  test.each<[string, (i: number) => Partial<Asked>]>([
    ['the family name made up', (i) => ({ family: `Madeup${i}` })],
    ['the first name made up', (i) => ({ given: [`Madeup${i}`] })],
    ['a part of the family name made up', (i) => ({ family: `Made${i}up Rivera Madeup`, given: [`Made${i}up`] })],
  ])('with %s, many cards for one person are trying', async (_, change) => {
    for (let i = 0; i < 31; i++) await tries([`W${i}`], { ...card(rivera), ...change(i) });
    expect((await right()).status).toBe(422);
    expect(await reason()).toMatchObject({ reason: 'throttled' });
  });

  test('without a family name all the same', async () => {
    const nameless = (memberId: string | undefined) =>
      single({ ...card(rivera), ...(memberId === undefined ? {} : { memberId }), subscriberId: undefined }, (all) =>
        all.map((p) =>
          p.name === 'MemberPatient' ? { ...p, resource: { ...p.resource, name: [{ given: rivera.given }] } } : p,
        ),
      );
    for (const id of ['W1', 'W2', 'W3']) await ask(nameless(id));
    expect((await ask(nameless(undefined))).status).toBe(422);
    expect(await reason()).toMatchObject({ reason: 'throttled' });
  });

  test('another subscriber number with the same card is another card', async () => {
    for (const subscriberId of ['S1', 'S2', 'S3']) await ask(single({ ...card(rivera), memberId: 'W1', subscriberId }));
    expect((await ask(single({ ...card(rivera), memberId: 'W1' }))).status).toBe(422);
    expect(await reason()).toMatchObject({ reason: 'throttled' });
  });

  test.each<[string, (all: Part[]) => Part[]]>([
    [
      'cards',
      (all) =>
        all.map((p) => {
          const [first] = p.name === 'CoverageToMatch' ? (p.resource['identifier'] as object[]) : [];
          const others = ['W1', 'W2', 'W3'].map((value) => ({ ...first, value }));
          return first === undefined ? p : { ...p, resource: { ...p.resource, identifier: [first, ...others] } };
        }),
    ],
    [
      'names',
      (all) =>
        all.map((p) => {
          const others = Array.from({ length: 12 }, (_, i) => ({ family: 'Rivera', given: [`Name${i}`] }));
          const names = p.resource['name'] as object[];
          return p.name === 'MemberPatient' ? { ...p, resource: { ...p.resource, name: [...names, ...others] } } : p;
        }),
    ],
  ])('many %s in one question are trying', async (_, change) => {
    expect((await ask(single(card(rivera), change))).status).toBe(422);
    expect(await reason()).toMatchObject({ reason: 'throttled' });
    expect((await right()).status).toBe(200);
  });

  test('other people are not held back by it, nor are other peers', async () => {
    await tries(['W1', 'W2', 'W3']);
    expect((await ask(single(card(PEOPLE.robert)))).status).toBe(200);
    await tries(['W1'], card(rivera), otherToken);
    expect(await reason()).toMatchObject({ reason: 'no-match' });
  });

  test('after thirty days it is forgotten', async () => {
    await tries(['W1', 'W2', 'W3']);
    await node.deps.database.sql`update exchange.match_attempt set at = at - interval '31 days'`;
    expect((await right()).status).toBe(200);
    await node.deps.database.sql`update exchange.match_attempt set at = at - interval '31 days'`;
    await forgetAttempts(node.deps.database.sql, now);
    expect((await node.deps.database.sql`select 1 from exchange.match_attempt`).length).toBe(0);
  });

  test('a batch is held to the same', async () => {
    const batch = ['W1', 'W2', 'W3'].map((memberId, i) =>
      parts({ ...card(rivera), id: `t${i}`, memberId, subscriberId: undefined }),
    );
    const answer = await fetch(`${node.base}/exchange/fhir/Group/$bulk-member-match`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async', authorization: `Bearer ${token}` },
      body: JSON.stringify(
        matchBody(...batch, parts({ ...card(rivera), id: 'right' }), parts({ ...card(PEOPLE.robert), id: 'robert' })),
      ),
    });
    expect(answer.status).toBe(202);
    await node.work();
    const rows = await node.deps.database
      .sql`select submitted_id, outcome, reason from exchange.match_member order by position`;
    expect(rows.map((r) => [r['submitted_id'], r['outcome'], r['reason']])).toEqual([
      ['t0', 'nomatch', 'throttled'],
      ['t1', 'nomatch', 'throttled'],
      ['t2', 'nomatch', 'throttled'],
      ['right', 'nomatch', 'throttled'],
      ['robert', 'match', 'matched'],
    ]);
  });

  test('the table holds no name, date or number', async () => {
    await right();
    const rows = await node.deps.database.sql`select person::text as p, card::text as c from exchange.match_attempt`;
    expect(rows.length).toBe(3);
    for (const r of rows) expect(`${r['p']} ${r['c']}`).toMatch(/^-?\d+ -?\d+$/);
  });

  test('more cards than are looked at hide no one', async () => {
    const { sql } = node.deps.database;
    const asked = (card: number, peerId: string) => ({
      position: 0,
      peerId,
      stored: ['16777216'],
      sought: ['16777216'],
      near: ['16777216'],
      card: String(card),
    });
    // those of another payer come first in every index
    for (let card = 1; card <= 100; card++) await recordAttempts(sql, [asked(card, 'b')], now);
    for (const [card, cards] of [
      [900, 1],
      [901, 2],
      [902, 3],
    ] as const) {
      const tried = (await recordAttempts(sql, [asked(card, 'a')], now)).get(0);
      expect(tried).toMatchObject({ cards, near: cards });
      expect(judgeAttempt(tried)).toBe(cards > 2 ? 'throttle' : 'strict');
    }
  });

  // many at once are counted in another way than few: both as it is counted here
  test.each([20, 300])(
    '%i questions at once, of few persons and few cards, are judged by what was tried',
    async (n) => {
      const { sql } = node.deps.database;
      let seed = 7;
      const pick = (most: number) => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed % most;
      };
      // the last two bits tell the kind, the last 24 the person, the others the range
      const key = (stretch: number, person: number, kind: number) => String(stretch * 2 ** 24 + person * 4 + kind);
      const keysOf = (person: number) => {
        const stored = [key(person % 9, person, 0), key(100 + person, person, 1), key(200 + person, person, 1)];
        const near = [key(person % 9, 0, 0), key(100 + person, 0, 0)];
        return { stored, sought: [...stored, key(person % 9, person + 1, 0)], near };
      };
      const made = (position: number) => {
        const person = 10 + pick(n / 4);
        return {
          position,
          peerId: pick(4) === 0 ? 'b' : 'a',
          ...keysOf(person),
          card: String(900 + pick(n / 10)),
        };
      };
      const before = Array.from({ length: n / 2 }, (_, i) => made(i));
      await recordAttempts(sql, before, now);
      const asked = Array.from({ length: n }, (_, i) => made(i));
      // one person with very many cards, and one card for very many persons
      for (let i = 0; i < n / 3; i++) {
        Object.assign(asked[i] ?? {}, {
          peerId: 'a',
          card: String(5000 + i),
          ...keysOf(7),
        });
        Object.assign(asked[n - 1 - i] ?? {}, {
          peerId: 'a',
          card: '4000',
          ...keysOf(1000 + i),
        });
      }
      const found = await recordAttempts(sql, asked, now);
      const all = [...before, ...asked];
      for (const a of asked) {
        const ofPerson = all.filter((b) => b.stored.some((k) => a.sought.includes(k)));
        const ofCard = all.filter((b) => b.card === a.card && b.peerId === a.peerId);
        const count = (values: string[]) => new Set(values).size;
        const expected = judgeAttempt({
          position: a.position,
          cards: count(ofPerson.filter((b) => b.peerId === a.peerId).map((b) => b.card)),
          cardsOfAll: count(ofPerson.map((b) => b.card)),
          persons: count(ofCard.flatMap((b) => b.stored).filter((k) => BigInt(k) % 4n === 0n)),
          near: Math.max(
            ...a.near.map((low) => {
              const inStretch = (k: string) => BigInt(k) >> 24n === BigInt(low) >> 24n;
              return count(all.filter((b) => b.peerId === a.peerId && b.stored.some(inStretch)).map((b) => b.card));
            }),
          ),
        });
        expect([a.position, judgeAttempt(found.get(a.position))]).toEqual([a.position, expected]);
      }
      expect(new Set(asked.map((a) => judgeAttempt(found.get(a.position)))).size).toBeGreaterThan(1);
    },
  );

  test('verdicts', () => {
    const tried = { position: 0, cards: 1, cardsOfAll: 1, persons: 1, near: 1 };
    expect(judgeAttempt(undefined)).toBe('evaluate');
    expect(judgeAttempt({ ...tried, cards: 2 })).toBe('evaluate');
    expect(judgeAttempt({ ...tried, cards: 3 })).toBe('throttle');
    expect(judgeAttempt({ ...tried, persons: 20 })).toBe('evaluate');
    expect(judgeAttempt({ ...tried, persons: 21 })).toBe('throttle');
    expect(judgeAttempt({ ...tried, cardsOfAll: 6 })).toBe('strict');
    expect(judgeAttempt({ ...tried, near: 30 })).toBe('evaluate');
    expect(judgeAttempt({ ...tried, near: 31 })).toBe('throttle');
    expect(judgeAttempt(tried, true)).toBe('throttle');
    const query = {
      position: 0,
      dob: ['1980-01-01'],
      family: ['smith'],
      given: ['ana'],
      suffix: [],
      mb: [],
      sub: [],
      mbi: [],
      umb: [],
      street: [],
      phone: [],
      email: [],
      tokens: [],
      tries: { cards: [] as string[], families: ['smith'], givens: ['ana'] },
    };
    expect(attemptOf(query, keyed('s'))).toBeUndefined();
    const cardBy = (secret: string) =>
      attemptOf({ ...query, tries: { ...query.tries, cards: ['1'] } }, keyed(secret))?.card;
    expect(cardBy('s')).not.toBe(cardBy('t'));
  });

  test.each(['s', 'k'.repeat(64), 'long '.repeat(40), 'ü'])('are HMAC-SHA-256 under the secret %s', (secret) => {
    const by = keyed(secret);
    for (const text of ['', 'name|1974-12-25|rivera|ana', 'Müller – 李', 'x'.repeat(1300), 'x'.repeat(5000)])
      expect(by(text)).toBe(createHmac('sha256', secret).update(text).digest().readBigInt64BE());
  });
});

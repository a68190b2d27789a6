// The registry of payers by staff page: who may, what a second person is for, what stays in the history; security events and
// decisions about members in words.
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditRow, writeAudit } from '../../../exchange/compliance/audit/audit.ts';
import { sealAll } from '../../../exchange/compliance/audit/run-seal.ts';
import { refusalMeaning, SECURITY_REASONS } from '../../../exchange/compliance/security/security-events.ts';
import { unreviewedEvents } from '../../../exchange/compliance/security/security-review-rows.ts';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { peerChanges, waitingChanges } from '../../../exchange/peers/peer-change.ts';
import { attestingPeers } from '../../../exchange/peers/peer-document.ts';
import {
  addTrustDocument,
  type By,
  changePeer,
  decidePeerChange,
  endTrustDocument,
  fieldsOf,
  movePeer,
  registerPeer,
} from '../../../exchange/peers/registry.ts';
import { explainMatch, MATCH_RULES } from '../../../exchange/responder/match/rules.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { EVIL, fieldOf, SCRIPT, type StaffNode, startStaff, Visitor } from './support.ts';

let node: StaffNode;
const visitors: Record<string, Visitor> = {};
const as = (user: string): Visitor => visitors[user] as Visitor;
const sql = () => node.ours.deps.database.sql;

beforeAll(async () => {
  node = await startStaff();
  for (const user of ['dev-viewer', 'dev-reviewer', 'dev-admin']) {
    const visitor = new Visitor(node.app, node.ours.base);
    await visitor.signIn(user, node.account.password);
    visitors[user] = visitor;
  }
});
afterAll(() => node?.close());

async function send(user: string, path: string, form: Record<string, string>): Promise<Response> {
  const page = await (await as(user).get('/staff')).text();
  return as(user).post(path, { csrf: fieldOf(page, 'csrf'), ...form });
}
const keys = async (kid: string, isPrivate = false) => {
  const pair = await generateKeyPair('ES384', { extractable: true });
  return JSON.stringify({ keys: [{ ...(await exportJWK(isPrivate ? pair.privateKey : pair.publicKey)), kid }] });
};

describe('by staff page', () => {
  test('only administrators see the forms and may send them; each refusal is recorded', async () => {
    expect((await as('dev-viewer').get('/staff/peers/new')).status).toBe(403);
    expect((await send('dev-reviewer', '/staff/peers', { id: 'x', name: 'X' })).status).toBe(403);
    expect((await send('dev-viewer', '/staff/peers/prior/suspend', {})).status).toBe(403);
    expect((await findPeer(sql(), 'prior'))?.state).toBe('active');
    const page = await (await as('dev-viewer').get('/staff/peers/prior')).text();
    expect(page).not.toContain('<form method="post" action="/staff/peers');
    // nor a link to what only reviewers open
    expect(page).not.toContain('/to-tell');
    expect(await (await as('dev-reviewer').get('/staff/peers/prior')).text()).toContain('/to-tell');
    const rows =
      await sql()`select 1 from exchange.audit where action = 'manage' and outcome = 'refused' and reason = 'role'`;
    expect(rows.length).toBe(3);
  });

  test('how a payer is asked and whether it answers stand on its page; hosts of files are origins and nothing else', async () => {
    await sql()`insert into exchange.peer (id, name, state, fhir_base, client_id_there, added_by, failures, failing_since, failure, paused_until, abilities_at, abilities)
      values ('lame', 'Lame Harbor Health', 'active', 'https://lame.example/fhir', 'c', 'somebody', 7, now(), 'unreachable', now() + interval '1 hour', now(),
        '{"match":"single","fetch":"patient","pdex":"2.1.0","lacks":["bulk"],"byGet":false,"findsByIdentifier":true,"searchTypes":[],"revincludes":false,"scopes":[]}')`;
    const page = await (await as('dev-admin').get('/staff/peers/lame')).text();
    expect(page).toContain('id="t-health"');
    expect(page).toMatch(/Failures in a row<\/th><td[^>]*><span class="tone-act">[^<]*7</);
    const form = { name: 'Lame Harbor Health', fhirBase: 'https://lame.example/fhir', clientIdThere: 'c', scopes: '' };
    expect(
      (await send('dev-admin', '/staff/peers/lame/change', { ...form, fileOrigins: 'https://files.example/x' })).status,
    ).toBe(400);
    const sent = {
      ...form,
      fileOrigins: 'https://files.example\nhttps://more.example',
      groupThere: 'g1',
      sendsAll: 'yes',
      audience: 'issuer',
      postalAddress: ' 1 Harbor Way\r\n\r\nPortland, ME 04101 ',
    };
    expect((await send('dev-admin', '/staff/peers/lame/change', sent)).status).toBe(303);
    const [change] = await peerChanges(sql(), 'lame', 1);
    const wanted = {
      fileOrigins: ['https://files.example', 'https://more.example'],
      groupThere: 'g1',
      sendsAll: true,
      audience: 'issuer',
      postalAddress: '1 Harbor Way, Portland, ME 04101',
    };
    expect(change?.after).toMatchObject(wanted);
    const peer = await findPeer(sql(), 'lame');
    // in force at once in the sandbox, or waiting for another person
    if (change?.state === 'applied') expect(peer).toMatchObject({ ...wanted, failures: 0, abilities: null });
    else expect(peer?.fileOrigins).toEqual([]);
  });

  test('a form from elsewhere, or without the session’s token, changes nothing', async () => {
    const form = { id: 'evil', name: 'Evil' };
    expect((await as('dev-admin').post('/staff/peers', { csrf: 'x', ...form })).status).toBe(403);
    expect((await as('dev-admin').post('/staff/peers', form, { origin: 'https://evil.example' })).status).toBe(403);
    expect(await findPeer(sql(), 'evil')).toBeUndefined();
  });

  test.each<[string, Record<string, string>, string]>([
    ['no id', { id: 'Big Name', name: 'X' }, 'short name'],
    ['reserved id', { id: 'new', name: 'X' }, 'short name'],
    ['no name', { id: 'x' }, 'name is missing'],
    ['NPI', { id: 'x', name: 'X', npi: '12' }, 'ten digits'],
    ['address', { id: 'x', name: 'X', fhirBase: 'javascript:alert(1)' }, 'https address'],
    ['user in the address', { id: 'x', name: 'X', fhirBase: 'https://a@b.example/fhir' }, 'https address'],
    ['private address', { id: 'x', name: 'X', fhirBase: 'https://10.0.0.1/fhir' }, 'none on the public internet'],
    [
      'keys without TLS',
      { id: 'x', name: 'X', clientIdHere: 'c', jwksUrl: 'http://payer.example/keys' },
      'keys must begin with https',
    ],
    ['client without keys', { id: 'x', name: 'X', clientIdHere: 'c' }, 'needs its keys'],
    ['keys that are none', { id: 'x', name: 'X', clientIdHere: 'c', jwks: '{' }, 'not JSON'],
    ['scope', { id: 'x', name: 'X', scopes: 'system/*.cud' }, 'none that can be granted'],
    ['postal address', { id: 'x', name: 'X', postalAddress: 'a'.repeat(301) }, 'longer than 300'],
  ])('what cannot be taken is reported and stays typed: %s', async (_, form, text) => {
    const answer = await send('dev-admin', '/staff/peers', form);
    const page = await answer.text();
    expect(answer.status).toBe(400);
    expect(page).toContain(text);
    expect(page).toContain('role="alert"');
    expect(await findPeer(sql(), 'x')).toBeUndefined();
  });

  test('a private key is not taken', async () => {
    const answer = await send('dev-admin', '/staff/peers', {
      id: 'x',
      name: 'X',
      clientIdHere: 'c',
      jwks: await keys('k', true),
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('private key');
  });

  test('who asks here and is registered for no scope is reported to get no token', async () => {
    const form = { id: 'no-scope', name: 'No Scope', clientIdHere: 'client-none', jwks: await keys('k9'), scopes: '' };
    expect((await send('dev-admin', '/staff/peers', form)).status).toBe(303);
    const page = await (await as('dev-admin').get('/staff/peers/no-scope')).text();
    expect(page).toContain('nothing: its requests for a token are refused');
  });

  test('from registration to closing, with history, audit and void tokens', async () => {
    const form = {
      id: 'new-payer',
      name: EVIL,
      clientIdHere: 'client-n',
      jwks: await keys('k1'),
      scopes: 'system/*.rs',
    };
    const added = await send('dev-admin', '/staff/peers', form);
    expect([added.status, added.headers.get('location')]).toEqual([303, '/staff/peers/new-payer?done=ok']);
    const page = await (await as('dev-admin').get('/staff/peers/new-payer?done=ok')).text();
    expect(page).toContain('waits for approval');
    expect(page).not.toContain('<img');
    expect((await send('dev-admin', '/staff/peers', form)).status).toBe(400);
    expect((await send('dev-admin', '/staff/peers', { ...form, id: 'other' })).status).toBe(400);
    const epoch = async () => (await findPeer(sql(), 'new-payer'))?.epoch ?? 0;
    const steps: [string, Record<string, string>, string][] = [
      ['approve', {}, 'active'],
      ['change', { ...form, name: 'New Payer', scopes: 'system/Patient.rs' }, 'active'],
      ['block', { kid: 'k1' }, 'active'],
      ['suspend', {}, 'suspended'],
      ['approve', {}, 'active'],
      ['close', {}, 'closed'],
    ];
    for (const [what, fields, state] of steps) {
      const before = await epoch();
      const answer = await send('dev-admin', `/staff/peers/new-payer/${what}`, fields);
      expect([what, answer.status]).toEqual([what, 303]);
      expect((await findPeer(sql(), 'new-payer'))?.state).toBe(state);
      expect(await epoch()).toBe(before + 1);
    }
    const peer = await findPeer(sql(), 'new-payer');
    expect(peer).toMatchObject({ name: 'New Payer', scopes: ['system/Patient.rs'], blockedKids: ['k1'] });
    expect((await send('dev-admin', '/staff/peers/new-payer/approve', {})).status).toBe(409);
    const history = await peerChanges(sql(), 'new-payer', 100);
    expect(history.map((h) => h.what).reverse()).toEqual([
      'registration',
      'state',
      'record',
      'blocked-keys',
      'state',
      'state',
      'state',
    ]);
    expect(history.at(-3)).toMatchObject({
      before: { scopes: ['system/*.rs'] },
      after: { scopes: ['system/Patient.rs'] },
    });
    const audit = await sql()<{ action: string; dev: boolean }[]>`
      select action, (detail->>'dev')::boolean as dev from exchange.audit where object = 'peer/new-payer' order by seq`;
    expect(audit.map((a) => a.action)).toEqual([
      'peer-added',
      'peer-approved',
      'peer-changed',
      'peer-key-blocked',
      'peer-suspended',
      'peer-approved',
      'peer-closed',
    ]);
    expect(audit.every((a) => a.dev)).toBe(true);
  });

  test('documents are noted and ended', async () => {
    const document = { kind: 'contract', title: SCRIPT, place: 'drawer 3', from: '2026-01-01', to: '' };
    expect((await send('dev-admin', '/staff/peers/prior/document', document)).status).toBe(303);
    expect((await send('dev-admin', '/staff/peers/prior/document', { kind: 'odd', title: 'x' })).status).toBe(400);
    const page = await (await as('dev-admin').get('/staff/peers/prior')).text();
    expect(page).not.toContain(SCRIPT);
    expect(page).toContain('drawer 3');
    const [row] = await sql()<
      { id: string; to: string | null }[]
    >`select id::text, valid_to::text as to from exchange.peer_document`;
    expect(row?.to).toBeNull();
    expect((await send('dev-admin', '/staff/peers/prior/end-document', { document: row?.id ?? '' })).status).toBe(303);
    expect((await send('dev-admin', '/staff/peers/prior/end-document', { document: row?.id ?? '' })).status).toBe(404);
  });

  test.each<[string, Record<string, string>, string]>([
    ['no title', { title: '' }, 'The title is missing.'],
    ['a day that is none', { to: '2026-02-31' }, 'Holds to must be a date'],
    ['another way to write it', { from: '01/02/2026' }, 'Holds from must be a date'],
    ['an end before the start', { from: '2026-01-02', to: '2026-01-01' }, 'must not end before it begins'],
    ['a long place', { place: 'x'.repeat(301) }, 'longer than 300 characters'],
  ])('a document that cannot be noted as typed is not noted otherwise: %s', async (_, wrong, text) => {
    const count = async () => (await sql()`select 1 from exchange.peer_document`).length;
    const before = await count();
    const typed = { kind: 'attestation', title: 'Standing statement', place: 'drawer 4', ...wrong };
    const answer = await send('dev-admin', '/staff/peers/prior/document', typed);
    const page = await answer.text();
    expect([answer.status, await count()]).toEqual([400, before]);
    expect(page).toContain(text);
    // what was typed stays, in the form that is open
    expect(page).toContain('<details open><summary>Note a document</summary>');
    expect(page).toContain('<option value="attestation" selected>');
    for (const [name, value] of Object.entries(typed))
      if (name !== 'kind')
        expect(page).toContain(
          `name="${name}" type="${name === 'from' || name === 'to' ? 'date' : 'text'}" value="${value}"`,
        );
  });

  test('a check asks the peer, and a changed token endpoint is reported, not followed', async () => {
    expect((await send('dev-admin', '/staff/peers/prior/check', {})).headers.get('location')).toContain('done=checked');
    const peer = await findPeer(sql(), 'prior');
    // with nothing pinned there is nothing to differ from
    await sql()`update exchange.peer set token_endpoint = null where id = 'prior'`;
    const first = await send('dev-admin', '/staff/peers/prior/check', {});
    expect(first.headers.get('location')).toContain('done=answers');
    await sql()`update exchange.peer set token_endpoint = 'https://pinned.example/token' where id = 'prior'`;
    expect((await send('dev-admin', '/staff/peers/prior/check', {})).headers.get('location')).toContain('done=differs');
    expect((await findPeer(sql(), 'prior'))?.tokenEndpoint).toBe('https://pinned.example/token');
    const [told] =
      await sql()`select reason from exchange.audit where action = 'peer-checked' order by seq desc limit 1`;
    expect(told?.['reason']).toBe('discovery-changed');
    await sql()`update exchange.peer set token_endpoint = ${peer?.tokenEndpoint ?? null} where id = 'prior'`;
  });

  test('unknown payers and actions are 404', async () => {
    for (const path of ['/staff/peers/nobody/approve', '/staff/peers/nobody/document', '/staff/peers/nobody/check'])
      expect((await send('dev-admin', path, { kind: 'other', title: 'x' })).status, path).toBe(404);
    expect((await as('dev-admin').get('/staff/peers/nobody')).status).toBe(404);
  });
});

describe('a second person', () => {
  const ann: By = { kind: 'staff', name: 'ann' };
  const bob: By = { kind: 'staff', name: 'bob' };
  const fields = {
    name: 'Two',
    npi: null,
    fhirBase: 'https://two.example/fhir',
    clientIdThere: null,
    clientIdHere: null,
    jwksUrl: null,
    jwks: null,
    scopes: [],
  };
  beforeAll(() => void Object.assign(node.ours.deps.config, { sandbox: false }));
  afterAll(() => void Object.assign(node.ours.deps.config, { sandbox: true }));

  test('approves what the first has added or suspended', async () => {
    const { deps } = node.ours;
    expect(await registerPeer(deps, 'two', fields, ann)).toBe('ok');
    expect(await movePeer(deps, 'two', 'active', ann)).toBe('same-person');
    // the same under another account
    expect(await movePeer(deps, 'two', 'active', { ...ann, name: `${ann.name} (payer)` })).toBe('same-person');
    // who changes what waits for approval does not approve it either
    const eve: By = { kind: 'staff', name: 'eve' };
    expect(await changePeer(deps, 'two', { ...fields, npi: '9000000020' }, eve)).toBe('ok');
    expect(await movePeer(deps, 'two', 'active', eve)).toBe('same-person');
    expect(await movePeer(deps, 'two', 'active', bob)).toBe('ok');
    expect(await movePeer(deps, 'two', 'suspended', bob)).toBe('ok');
    expect(await movePeer(deps, 'two', 'active', bob)).toBe('same-person');
    expect(await movePeer(deps, 'two', 'active', { kind: 'staff', name: 'eve' })).toBe('ok');
  });

  test('is not offered what another one has to do, and is reported before typing that it needs a fresh sign-in', async () => {
    const { deps } = node.ours;
    const had = await findPeer(sql(), 'two');
    if (!had) throw new Error('no peer');
    const admin: By = { kind: 'staff', name: 'dev|dev-admin' };
    expect(await changePeer(deps, 'two', { ...fieldsOf(had), name: 'Own' }, admin)).toBe('proposed');
    const shown = async () => (await as('dev-admin').get('/staff/peers/two')).text();
    const own = await shown();
    expect(own).toContain('Another administrator has to put it in force.');
    expect(own).toContain('<button>Take back</button>');
    expect(own).not.toContain('<button>Put in force</button>');
    expect(own).not.toContain('again=1');
    const [change] = await peerChanges(sql(), 'two', 1);
    await sql()`update exchange.peer_change set by = 'ann' where id = ${change?.id ?? ''}::text::bigint`;
    expect(await shown()).toContain('<button>Put in force</button>');
    await decidePeerChange(deps, 'two', change?.id ?? '', false, bob);
    // what cannot be done leads back to the payer
    const refused = await send('dev-admin', '/staff/peers/two/accept', { change: change?.id ?? '' });
    expect([refused.status, await refused.text()]).toEqual([
      409,
      expect.stringContaining('<a href="/staff/peers/two">'),
    ]);
    await sql()`update exchange.staff_session set authenticated_at = now() - interval '10 minutes'`;
    expect(await shown()).toContain('/staff/sign-in?return_to=%2Fstaff%2Fpeers%2Ftwo&amp;again=1');
    await sql()`update exchange.staff_session set authenticated_at = now()`;
  });

  test('puts a standing attestation in force; other documents are notes', async () => {
    const { deps } = node.ours;
    const document = { peerId: 'two', place: 'folder 1', from: null, to: null };
    const attestation = { ...document, kind: 'attestation', title: 'Standing statement' } as const;
    const attests = async () => (await attestingPeers(sql(), ['two'], '2026-11-27')).has('two');
    const newest = async () => (await peerChanges(sql(), 'two', 1))[0]?.id ?? '';
    expect(await addTrustDocument(deps, { ...document, kind: 'contract', title: 'Contract' }, ann)).toBe('ok');
    expect(await addTrustDocument(deps, attestation, ann)).toBe('proposed');
    expect(await attests()).toBe(false);
    const page = await (await as('dev-admin').get('/staff/peers/two')).text();
    expect(page).toContain('A document waits for another person');
    expect(await decidePeerChange(deps, 'two', await newest(), true, ann)).toBe('same-person');
    expect(await decidePeerChange(deps, 'two', await newest(), true, { ...ann, name: `${ann.name} (payer)` })).toBe(
      'same-person',
    );
    expect(await decidePeerChange(deps, 'two', await newest(), true, bob)).toBe('ok');
    expect(await attests()).toBe(true);
    const [noted] = await sql()`select added_by from exchange.peer_document where kind = 'attestation'`;
    expect(noted?.['added_by']).toBe('ann');
    // ending one closes a door: no one waits
    const [row] = await sql()<{ id: string }[]>`select id::text from exchange.peer_document where kind = 'attestation'`;
    expect(await endTrustDocument(deps, 'two', row?.id ?? '', ann)).toBe('ok');
    expect(await attests()).toBe(false);
    expect(await addTrustDocument(deps, attestation, ann)).toBe('proposed');
    expect(await decidePeerChange(deps, 'two', await newest(), false, bob)).toBe('ok');
    expect(await attests()).toBe(false);
    // of a payer that waits it comes in force with the approval, by another person
    const eve: By = { kind: 'staff', name: 'eve' };
    await registerPeer(deps, 'three', { ...fields, name: 'Three' }, ann);
    expect(await addTrustDocument(deps, { ...attestation, peerId: 'three' }, eve)).toBe('ok');
    expect(await movePeer(deps, 'three', 'active', eve)).toBe('same-person');
    expect(await movePeer(deps, 'three', 'active', bob)).toBe('ok');
  });

  test('puts nothing in force that is not whole; it can be rejected', async () => {
    const { deps } = node.ours;
    const had = await findPeer(sql(), 'two');
    if (!had) throw new Error('two is registered');
    const document = { kind: 'attestation', title: 'Statement', place: '', from: null, to: null };
    const { kind: _, ...kindless } = document;
    const proposals: [string, object, object][] = [
      ['document', {}, {}],
      ['document', {}, kindless],
      ['document', {}, { ...document, from: undefined }],
      ['document', {}, { ...document, to: '2026-02-30' }],
      ['document', {}, { ...document, kind: 'letter' }],
      ['record', {}, {}],
      ['record', { name: had.name }, {}],
      ['record', {}, { name: 'Other' }],
      ['record', { name: had.name }, { name: null }],
      ['record', { scopes: had.scopes }, { scopes: 'system/*.rs' }],
      ['record', { state: 'active' }, { state: 'closed' }],
    ];
    for (const [what, before, after] of proposals) {
      const [row] = await sql()<{ id: string }[]>`
        insert into exchange.peer_change (peer_id, what, before, after, by_kind, by, at, state)
        values ('two', ${what}, ${JSON.stringify(before)}::text::jsonb, ${JSON.stringify(after)}::text::jsonb, 'staff', 'ann', now(), 'proposed')
        returning id::text`;
      const id = row?.id ?? '';
      expect([after, await decidePeerChange(deps, 'two', id, true, bob)]).toEqual([after, 'incomplete']);
      expect(await decidePeerChange(deps, 'two', id, false, bob)).toBe('ok');
    }
    expect(fieldsOf((await findPeer(sql(), 'two')) ?? had)).toEqual(fieldsOf(had));
    expect(await attestingPeers(sql(), ['two'], '2026-11-27')).toEqual(new Set());
  });

  test('is not passed by in the moment of an approval', async () => {
    const { deps } = node.ours;
    await registerPeer(deps, 'five', { ...fields, name: 'Five' }, ann);
    let done: Promise<string> = Promise.resolve('');
    await sql().begin(async (tx) => {
      await tx`update exchange.peer set state = 'active' where id = 'five'`;
      let settled = false;
      done = addTrustDocument(
        deps,
        { peerId: 'five', kind: 'attestation', title: 'Just then', place: '', from: null, to: null },
        ann,
      ).finally(() => {
        settled = true;
      });
      await expect
        .poll(async () => settled || (await tx`select 1 from pg_locks where not granted`).length > 0, {
          timeout: 20_000,
        })
        .toBe(true);
    });
    expect(await done).toBe('proposed');
    expect(await attestingPeers(sql(), ['five'], '2026-11-27')).toEqual(new Set());
    await sql()`insert into exchange.audit (at, actor_kind, actor, action, object, outcome, reason, request_id, detail, hash)
      values (now() - interval '1 minute', 'staff', 'ann', 'sign-in', '', 'ok', '', '', '{"name": "Ann Example"}', '')`;
    expect(await (await as('dev-admin').get('/staff/peers/five')).text()).toContain('Proposed by Ann Example.');
  });

  test('is asked to sign in again before a document is noted', async () => {
    await sql()`update exchange.staff_session set authenticated_at = now() - interval '10 minutes'`;
    const document = { kind: 'attestation', title: 'Old sign-in', place: '' };
    const answer = await send('dev-admin', '/staff/peers/two/document', document);
    await sql()`update exchange.staff_session set authenticated_at = now()`;
    expect([answer.status, (await answer.text()).includes('again=1')]).toEqual([403, true]);
    expect(await sql()`select 1 from exchange.peer_change where after->>'title' = 'Old sign-in'`).toHaveLength(0);
  });

  test('is named where a button would be refused', async () => {
    const { deps } = node.ours;
    const admin: By = { kind: 'staff', name: 'dev|dev-admin' };
    const shown = async () => (await as('dev-admin').get('/staff/peers/four')).text();
    await registerPeer(deps, 'four', { ...fields, name: 'Four' }, admin);
    const own = await shown();
    expect(own).toContain('Another administrator has to approve it');
    expect(own).not.toContain('<button>Approve</button>');
    await sql()`update exchange.peer set added_by = 'ann' where id = 'four'`;
    await sql()`update exchange.peer_change set by = 'ann' where peer_id = 'four'`;
    expect(await shown()).toContain('<button>Approve</button>');
  });

  test('puts changes in force, of what still is as it was', async () => {
    const { deps } = node.ours;
    const had = await findPeer(sql(), 'two');
    if (!had) throw new Error('no peer');
    const proposed = async (more: object) => changePeer(deps, 'two', { ...fieldsOf(had), ...more }, ann);
    expect(await proposed({})).toBe('no-change');
    expect(await proposed({ fhirBase: 'https://evil.example/fhir' })).toBe('proposed');
    expect((await findPeer(sql(), 'two'))?.fhirBase).toBe('https://two.example/fhir');
    expect((await findPeer(sql(), 'two'))?.epoch).toBe(had.epoch);
    const newest = async () => (await peerChanges(sql(), 'two', 1))[0]?.id ?? '';
    const first = await newest();
    expect(await decidePeerChange(deps, 'two', first, true, ann)).toBe('same-person');
    expect(await decidePeerChange(deps, 'prior', first, true, bob)).toBe('not-found');
    expect(await decidePeerChange(deps, 'two', first, false, bob)).toBe('ok');
    expect(await decidePeerChange(deps, 'two', first, true, bob)).toBe('not-now');
    await proposed({ name: 'Second' });
    const second = await newest();
    await proposed({ name: 'Third' });
    const third = await newest();
    expect(await decidePeerChange(deps, 'two', second, true, bob)).toBe('ok');
    expect(await decidePeerChange(deps, 'two', third, true, bob)).toBe('stale');
    expect(await findPeer(sql(), 'two')).toMatchObject({ name: 'Second', epoch: had.epoch + 1 });
  });

  test('is not asked about a postal address alone, and tokens stay good', async () => {
    const { deps } = node.ours;
    const had = await findPeer(sql(), 'two');
    if (!had) throw new Error('no peer');
    const change = (more: object) => changePeer(deps, 'two', { ...fieldsOf(had), ...more }, ann);
    expect(await change({ postalAddress: '1 Pier, Harbor' })).toBe('ok');
    expect(await findPeer(sql(), 'two')).toMatchObject({ postalAddress: '1 Pier, Harbor', epoch: had.epoch });
    expect(await change({ postalAddress: '2 Pier, Harbor', npi: '9000000038' })).toBe('proposed');
    expect(await findPeer(sql(), 'two')).toMatchObject({ postalAddress: '1 Pier, Harbor', npi: had.npi });
    // nor does it keep anyone who wrote it from approving
    expect(await movePeer(deps, 'two', 'suspended', bob)).toBe('ok');
    expect(await movePeer(deps, 'two', 'active', ann)).toBe('ok');
  });

  test('puts a change in force by command', async () => {
    const { deps } = node.ours;
    const had = await findPeer(sql(), 'two');
    if (!had) throw new Error('no peer');
    expect(await changePeer(deps, 'two', { ...fieldsOf(had), name: 'By command' }, ann)).toBe('proposed');
    const waiting = await waitingChanges(sql(), 'two');
    const last = waiting.at(-1);
    expect(last).toMatchObject({ by: 'ann', before: { name: had.name }, after: { name: 'By command' } });
    const cal: By = { kind: 'command', name: 'cal' };
    expect(await decidePeerChange(deps, 'two', last?.id ?? '', true, cal)).toBe('ok');
    expect(await findPeer(sql(), 'two')).toMatchObject({ name: 'By command' });
    expect(await waitingChanges(sql(), 'two')).toHaveLength(waiting.length - 1);
  });
});

describe('in words', () => {
  test('decisions are reported by rule, without a name', async () => {
    const account = developmentAccount(node.prior.deps.config);
    if (!account) throw new Error('no account');
    const visitor = new Visitor(createStaff(node.prior.deps, { development: account }), node.prior.base);
    await visitor.signIn('dev-viewer', account.password);
    const page = await (await visitor.get('/staff/matches')).text();
    expect(page).toMatch(/Exactly one member agreed in .+ \(rule \d+\)/);
    // keys lead to the member where who looks may see records
    const isLinked = /<a href="\/staff\/members\/[\w-]+"><code class="short">M-/;
    const reviewer = new Visitor(createStaff(node.prior.deps, { development: account }), node.prior.base);
    await reviewer.signIn('dev-reviewer', account.password);
    const linked = await (await reviewer.get('/staff/matches')).text();
    expect([page, linked].map((text) => isLinked.test(text))).toEqual([false, true]);
    const names = await node.prior.deps.database.sql<{ family: string }[]>`
      select distinct body::jsonb #>> '{name,0,family}' as family from exchange.resource where type = 'Patient' and member_id = id`;
    expect(names.length).toBeGreaterThan(0);
    for (const { family } of names) expect(page).not.toContain(`>${family}`);
    const [seen] = await node.prior.deps.database
      .sql`select 1 from exchange.audit where action = 'view' and object = 'matches'`;
    expect(seen).toBeDefined();
    for (const reason of ['matched', 'no-match', 'ambiguous', 'throttled', 'consent-expired'])
      for (const rule of [null, ...Object.keys(MATCH_RULES).map(Number)])
        expect(explainMatch(reason, rule)).toMatch(/\.$/);
    const { sql: there } = node.prior.deps.database;
    const rows = await there<
      { rule: number }[]
    >`select distinct (detail->>'rule')::int as rule from exchange.audit where action = 'match' and detail->>'rule' is not null`;
    for (const { rule } of rows) expect(MATCH_RULES[rule], String(rule)).toBeDefined();
  });

  test('every reason that the token endpoint writes down has words', () => {
    for (const m of Object.values(SECURITY_REASONS)) expect(m.text).toMatch(/\.$/);
    // and so has what is no refusal, and stands there as well
    for (const [action, reason] of [
      ['peer-checked', 'discovery-changed'],
      ['peer-keys-changed', 'keys-changed'],
      ['audit-verify', ''],
      ['content-checked', ''],
      ['attachment', 'foreign-origin'],
      ['export-report', 'not-fresh'],
      ['accept', 'changed-meanwhile'],
      ['key', 'key-changed'],
      ['settings', 'settings-changed'],
      ['volume', 'unusual-records'],
      ['token', 'parameters'],
      ['sign-in', 'state'],
    ] as const)
      expect(refusalMeaning(action, reason).text, action).not.toContain('Something was refused');
  });

  test('events are listed with their payer, filtered and taken along', async () => {
    const answer = await as('dev-viewer').get('/staff/events?reason=role');
    const page = await answer.text();
    expect(answer.status).toBe(200);
    expect(page).toContain('A person opened a page that their role does not open.');
    const json = (await (await as('dev-viewer').get('/staff/events?format=json')).json()) as {
      tables: { name: string; rows: unknown[] }[];
    };
    expect(JSON.stringify(json)).toContain('manage: role');
  });

  test('who has gone through the events signs for them, once, and the overview counts what is not yet reviewed', async () => {
    type Queues = { tables: { queues: { queue: string; open: number; past: number }[] } };
    const waiting = async () => {
      const { tables } = (await (await as('dev-viewer').get('/staff?format=json')).json()) as Queues;
      const line = tables.queues.find((q) => q.queue.startsWith('Security events'));
      return [line?.open ?? -1, line?.past];
    };
    const reviews = async () => {
      const answer = await (await as('dev-viewer').get('/staff/events?format=json&table=reviews')).json();
      return (answer as { tables: { reviews: { events: number; note: string; person: string }[] } }).tables.reviews;
    };
    const [before = 0] = await waiting();
    expect(before).toBeGreaterThan(0);
    expect(await reviews()).toEqual([]);
    const viewer = await (await as('dev-viewer').get('/staff/events')).text();
    expect(viewer).not.toContain('Sign for a review');
    await sealAll(node.ours.deps);
    const page = await (await as('dev-reviewer').get('/staff/events')).text();
    const form = { until: fieldOf(page, 'until'), seal: fieldOf(page, 'seal'), note: 'two slips, nothing to do' };
    // what comes after the page was opened is not signed for
    expect((await send('dev-viewer', '/staff/events/reviewed', form)).status).toBe(403);
    const signed = await send('dev-reviewer', '/staff/events/reviewed', form);
    expect([signed.status, signed.headers.get('location')]).toEqual([303, '/staff/events#t-reviews']);
    expect(await waiting()).toEqual([1, 0]);
    expect(await reviews()).toMatchObject([{ events: before, note: 'two slips, nothing to do' }]);
    // a second one who had the same page open
    expect((await send('dev-admin', '/staff/events/reviewed', form)).status).toBe(409);
    expect((await send('dev-admin', '/staff/events/reviewed', { ...form, until: 'soon' })).status).toBe(400);
    const later = new Date(Date.now() + 60_000).toISOString();
    expect((await send('dev-admin', '/staff/events/reviewed', { ...form, until: later })).status).toBe(400);
    const until = new Date().toISOString();
    for (const seal of ['', '-1', '1.5', '999999'])
      expect((await send('dev-admin', '/staff/events/reviewed', { ...form, until, seal })).status).toBe(400);
    // a note that does not fit is given back whole, and a line end counts as the browser counts it
    const now = new Date().toISOString();
    const long = await send('dev-admin', '/staff/events/reviewed', {
      ...form,
      until: now,
      note: `it was ${'x'.repeat(994)}`,
    });
    expect([long.status, await long.text()]).toEqual([400, expect.stringContaining(`it was ${'x'.repeat(994)}</pre>`)]);
    expect(await reviews()).toHaveLength(1);
    const [row] = await sql()`select actor, detail from exchange.audit where action = 'events-reviewed'`;
    expect(row).toMatchObject({ actor: 'dev|dev-reviewer', detail: { events: before } });
    const lines = `first\r\n${'x'.repeat(994)}`;
    expect((await send('dev-admin', '/staff/events/reviewed', { ...form, until: now, note: lines })).status).toBe(303);
    expect((await reviews())[0]?.note).toBe(lines.replace('\r\n', '\n'));
  });

  test('an event that is committed after its time was reviewed waits for the next review, and is found there', async () => {
    const { deps } = node.ours;
    const waiting = async () => (await unreviewedEvents(sql(), new Date())).n;
    const open = async () => {
      const answer = await (await as('dev-viewer').get('/staff/events?review=open&format=json&table=events')).json();
      return (answer as { tables: { events: { object: string }[] } }).tables.events.map((e) => e.object);
    };
    const formNow = async () => {
      const page = await (await as('dev-reviewer').get('/staff/events')).text();
      return { until: fieldOf(page, 'until'), seal: fieldOf(page, 'seal'), note: '' };
    };
    const stamped = new Date();
    await sealAll(deps);
    const shown = await waiting();
    const form = await formNow();
    const by = {
      at: stamped,
      actorKind: 'peer',
      actor: 'prior',
      outcome: 'refused',
      reason: 'replay',
      action: 'token',
    } as const;
    // before someone signs, and after it
    await writeAudit(sql(), [auditRow({ ...by, object: 'late-1' })]);
    expect((await send('dev-reviewer', '/staff/events/reviewed', form)).status).toBe(303);
    await writeAudit(sql(), [auditRow({ ...by, object: 'late-2' })]);
    const [signed] = await sql()<
      { events: number }[]
    >`select events from exchange.security_review order by until_at desc limit 1`;
    expect(signed?.events).toBe(shown);
    for (const isSealed of [false, true]) {
      if (isSealed) await sealAll(deps);
      expect([await waiting(), (await open()).sort()]).toEqual([2, ['late-1', 'late-2']]);
    }
    expect((await send('dev-reviewer', '/staff/events/reviewed', await formNow())).status).toBe(303);
    const [review] = await sql()<
      { events: number }[]
    >`select events from exchange.security_review order by until_at desc limit 1`;
    expect([await waiting(), await open(), review?.events]).toEqual([0, [], 2]);
  });

  test('that a person was asked to sign in again is listed when it is chosen, and is nothing to review', async () => {
    const seen = async (query: string) =>
      (await as('dev-viewer').get(`/staff/events?format=json&table=events${query}`)).text();
    const told = async () => (JSON.parse(await seen('')) as { tables: { events: unknown[] } }).tables.events;
    const waiting = async () => (await unreviewedEvents(sql(), new Date())).n;
    const before = [await waiting(), await told()];
    const by = {
      at: new Date(),
      actorKind: 'staff',
      actor: 'dev|asked-again',
      outcome: 'refused',
      reason: 'not-fresh',
    } as const;
    await writeAudit(sql(), [
      auditRow({ ...by, action: 'export-report', object: '/staff/asked-again' }),
      auditRow({ ...by, action: 'manage', object: '/staff/asked-again' }),
    ]);
    expect([await waiting(), await told()]).toEqual(before);
    expect((await seen('&reason=not-fresh')).match(/staff\/asked-again/g)).toHaveLength(2);
    // a sign-in that the provider did not renew is
    await writeAudit(sql(), [auditRow({ ...by, action: 'sign-in', object: 'staff' })]);
    expect(await waiting()).toBe(Number(before[0]) + 1);
  });
});

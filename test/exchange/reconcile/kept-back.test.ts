// Documents that a peer sent with authorizations, or lines of them, that it should not have sent: these are not taken in, and the documents, of which
// nothing tells any more what they were for, must not go on to the next payer.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hiddenDocuments } from '../../../exchange/compliance/export-check/supporting-documents.ts';
import { relabel } from '../../../exchange/members/enrolment/relabel.ts';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { LABELLER } from '../../../exchange/records/facts/label.ts';
import { keptBackOf } from '../../../exchange/records/kept-back.ts';
import { unnamedOf } from '../../../exchange/responder/export/hidden-references.ts';
import { memberRows } from '../../../exchange/responder/search/member-read-rows.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { decided, preauthorization, supporting } from '../authorization-fixture.ts';
import { lab, output, PEER, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' });
});
afterAll(() => node.close());

const UUID = '8d5c1f7e-35a1-4b6e-9d6a-3a2d1c0b9f11';
type Line = { code: string; document: string; drug?: boolean };
const benefit = (id: string, lines: Line[], day = '2026-01-10', more: object = {}) => ({
  ...preauthorization(id, `${day}T00:00:00Z`),
  supportingInfo: supporting(lines.map((l) => l.document)),
  item: lines.map(({ code, drug }, i) => ({
    sequence: i + 1,
    productOrService:
      drug === true
        ? { coding: [{ system: 'http://hl7.org/fhir/sid/ndc', code: '00000000001' }] }
        : { text: `imaging ${id} ${i}` },
    informationSequence: [i + 1],
    adjudication: [decided(code, `${day}T00:00:00Z`)],
  })),
  ...more,
});
const letter = (id: string, related?: string) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  type: { text: id },
  subject: { reference: 'Patient/p1' },
  content: [{ attachment: { contentType: 'text/plain', data: Buffer.from(id).toString('base64') } }],
  ...(related === undefined ? {} : { context: { related: [{ reference: related }] } }),
});
const answers = {
  resourceType: 'QuestionnaireResponse',
  id: UUID,
  status: 'completed',
  subject: { reference: 'Patient/p1' },
};
const doc = (id: string) => `DocumentReference/${id}`;
const local = (key: string) => {
  const [type = '', id = ''] = key.split('/');
  return `${type}/${localId(PEER, type, id)}`;
};
const DOCUMENTS = ['of-denied', 'of-drug', 'of-line', 'of-granted', 'of-two', 'names-denied', 'free', 'early'].map(doc);
const ALL = [...DOCUMENTS, `QuestionnaireResponse/${UUID}`];

/** Those of the documents that a peer gets. */
const leaving = async (): Promise<string[]> => {
  const days = { today: '2026-02-01', yearAgo: '2025-02-01', windowStart: '2021-02-01' };
  const types = ['DocumentReference', 'QuestionnaireResponse'];
  const rows = await memberRows(node.sql, [{ memberId: 'm1', policy: 'sensitive' }], days, { types, limit: 100 });
  const ids = new Set(rows.map((r) => (JSON.parse(r.text) as Resource)['id']));
  return ALL.filter((key) => ids.has(local(key).split('/')[1]));
};
const LEAVE = ['of-granted', 'of-two', 'free'].map(doc);
const STAY = ALL.filter((key) => !LEAVE.includes(key));
const members: [string, string][] = [['p1', 'm1']];

test('they stay, nothing names them, and the walk over finished files looks for them', async () => {
  // one that came before what it was sent with
  await node.pull([output('DocumentReference', letter('early'))], { members });
  expect(await leaving()).toEqual([doc('early')]);
  const moved = async () =>
    (
      await node.sql`select moved_at from exchange.resource where id = ${localId(PEER, 'DocumentReference', 'early')}`
    )[0]?.['moved_at'];
  expect(await moved()).toBeNull();
  const { id } = await node.pull(
    [
      output(
        'ExplanationOfBenefit',
        benefit('denied', [
          { code: 'A3', document: doc('of-denied') },
          { code: 'A3', document: `${PEER_BASE}/${doc('early')}` },
          { code: 'A3', document: doc('of-two') },
          { code: 'A3', document: `urn:uuid:${UUID}` },
        ]),
        benefit('drug', [{ code: 'A1', document: doc('of-drug'), drug: true }]),
        benefit('partly', [
          { code: 'A1', document: doc('of-granted') },
          { code: 'A3', document: doc('of-line') },
          { code: 'A1', document: doc('of-two') },
        ]),
      ),
      output(
        'DocumentReference',
        ...DOCUMENTS.slice(0, -1).map((key) => {
          const name = key.slice('DocumentReference/'.length);
          return letter(name, name === 'names-denied' ? 'ExplanationOfBenefit/denied' : undefined);
        }),
      ),
      output('QuestionnaireResponse', answers),
      output('Observation', lab('names', { derivedFrom: ALL.map((reference) => ({ reference })) })),
    ],
    { members, since: new Date() },
  );
  expect((await node.ledger(id)).slice(0, 3)).toEqual([
    'quarantined denied-pa ExplanationOfBenefit/denied',
    'quarantined drug-pa ExplanationOfBenefit/drug',
    'created ExplanationOfBenefit/partly',
  ]);
  expect(await leaving()).toEqual(LEAVE);
  // the peers who have it are reported
  expect(await moved()).not.toBeNull();
  const { keys = [] } = (await unnamedOf(node.sql, ['m1'])).get('m1') ?? {};
  expect(ALL.filter((key) => keys.includes(local(key)))).toEqual(STAY);
  const noted = await keptBackOf(node.sql, ['m1'], new Date(Date.now() + 1000));
  const hidden = hiddenDocuments([], [], (body) => JSON.parse(body) as Resource, noted).get('m1');
  expect(STAY.filter((key) => hidden?.has(local(key)))).toEqual(STAY);
  expect(await keptBackOf(node.sql, ['m1'], new Date(0))).toEqual([]);
});

test('an update of the program forgets nothing of it', async () => {
  await node.sql`update exchange.resource set labeller = ${LABELLER - 1}`;
  await relabel(node.deps);
  expect(await leaving()).toEqual(LEAVE);
});

test('with an authorization that is granted later they leave', async () => {
  const granted = benefit('denied', [{ code: 'A1', document: doc('of-denied') }], '2026-01-20');
  await node.pull([output('ExplanationOfBenefit', granted)], { members, since: new Date() });
  expect(await leaving()).toEqual(
    [...LEAVE, doc('of-denied'), doc('names-denied')].sort((a, b) => ALL.indexOf(a) - ALL.indexOf(b)),
  );
});

test('an estimate of which lines were dropped is decided again as one, though an older program noted no state of it', async () => {
  const lines = [
    { code: 'A1', document: doc('of-granted') },
    { code: 'A3', document: doc('of-line') },
  ];
  await node.pull(
    [output('ExplanationOfBenefit', benefit('estimate', lines, '2026-01-10', { use: 'predetermination' }))],
    {
      members,
      since: new Date(),
    },
  );
  const id = localId(PEER, 'ExplanationOfBenefit', 'estimate');
  await node.sql`update exchange.resource set pa_state = null, labeller = ${LABELLER - 1},
    body = regexp_replace(body, '"outcome":', '"disposition":"Line 2: criteria not met","outcome":') where id = ${id}`;
  await relabel(node.deps);
  const [row] = await node.sql`select pa_state, coalesce(shared, body) as form from exchange.resource where id = ${id}`;
  expect(row?.['pa_state']).toBe('estimate');
  expect(row?.['form']).not.toContain('criteria');
});

test('what refers to a sensitive record that comes later inherits its label then', async () => {
  const later = await reconciler('sensitive');
  try {
    await later.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' });
    const psychiatric = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
    const visit = {
      resourceType: 'Encounter',
      id: 'visit',
      meta: psychiatric,
      status: 'finished',
      class: { code: 'AMB' },
      subject: { reference: 'Patient/p1' },
    };
    await later.pull(
      [
        output(
          'Observation',
          lab('other', { effectiveDateTime: '2026-01-05T08:00:00Z' }),
          lab('first', {
            encounter: { reference: 'Encounter/visit' },
            derivedFrom: [{ reference: 'Observation/other' }],
          }),
        ),
      ],
      {
        members,
      },
    );
    const label = async () =>
      (await later.sql`select label from exchange.resource where id = ${localId(PEER, 'Observation', 'first')}`)[0]?.[
        'label'
      ];
    expect(await label()).toBe(0);
    await later.pull([output('Encounter', visit)], { members, since: new Date() });
    expect(await label()).toBe(1);
  } finally {
    await later.close();
  }
});

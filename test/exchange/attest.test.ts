// What a match request says of a member: our signed word, as a peer of the same making reads it, who chose, and what the profiles of HRex want.
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluateConsent } from '../../exchange/members/consent/evaluate.ts';
import { readChoice, recordChoice } from '../../exchange/members/consent/record-choice.ts';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { statements } from '../../exchange/requester/client/attest.ts';
import type { Talk } from '../../exchange/requester/client/talk.ts';
import {
  matchRequest,
  type Submission,
  singleMatchRequest,
} from '../../exchange/requester/client/write-member-bundle.ts';
import { submissions } from '../../exchange/requester/match-submission.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { attests, readStatement, statementOf } from '../../exchange/responder/match/attestation.ts';
import { type MemberBundle, readMemberBundles } from '../../exchange/responder/match/read-member-bundle.ts';
import { AS_IT_IS, contentHash } from '../../src/fhir/canonical.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/resource.ts';
import { startNode } from '../support/node.ts';
import { ASKER, enrol, planDay, US } from './plan-fixture.ts';

const NOW = new Date('2027-01-06T12:00:00Z');
const ORIGINALS = 'https://new.example/exchange/fhir/DocumentReference';
const member = (n: number): Submission => ({
  submittedId: `m-${n}`,
  patient: { resourceType: 'Patient', name: [{ family: 'Rivera', given: ['Ana'] }], birthDate: '1974-12-25' },
  memberNumber: `N${n}`,
  subscriberId: null,
  coverageStart: '2027-01-01',
  theirNumber: 'OH100',
  theirPeriod: {},
  consent: { id: `c${n}`, recordedOn: '2027-01-02', policy: 'regular', representative: null },
});
const asked = [member(1), member(2)];

let key: JWK & { kid: string; alg: string };
beforeAll(async () => {
  const pair = await generateKeyPair('ES384', { extractable: true });
  key = { ...(await exportJWK(pair.privateKey)), kid: 'k', alg: 'ES384' };
});
const talk = (limits: Record<string, number> = {}, clientIdThere: string | null = 'client-a') =>
  ({
    deps: { keys: { signing: async () => key }, clock: () => NOW },
    peer: { limits, clientIdThere },
  }) as unknown as Talk;
const read = (jws: string, clientId = 'client-a') => readStatement(jws, { clientId, keysFor: async () => [key] }, NOW);
const request = (made: ReadonlyMap<string, string>) =>
  matchRequest(asked, ASKER, US, '2028-01-01', ORIGINALS, made) as unknown as Json;

test('each consent carries the statement about its member, and where the original is', async () => {
  const bundles = readMemberBundles(request(await statements(talk(), 'pull-1', asked)));
  const said = await Promise.all(bundles.map(async (b) => read(statementOf(b.consent) ?? '')));
  expect(said.map((s) => bundles.map((b) => attests(s, b)))).toEqual([
    [true, false],
    [false, true],
  ]);
  expect(await read(statementOf(bundles[0]?.consent) ?? '', 'client-b')).toEqual(new Map());
  expect(bundles[0]?.consent).toMatchObject({
    sourceReference: { reference: '#original' },
    contained: [{ id: 'original', content: [{ attachment: { url: `${ORIGINALS}/c1` } }, {}] }],
  });
  const [, payload = ''] = (statementOf(bundles[1]?.consent) ?? '').split('.');
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
    batch: 'pull-1',
    members: [
      {
        coverage: bundles[1]?.coverageToLink?.['id'],
        sha256: contentHash(bundles[1]?.patient as JsonObject, AS_IT_IS),
      },
    ],
  });
});

test('a single match carries it too', async () => {
  const made = await statements(talk(), 'pull-1', asked.slice(0, 1));
  const body = singleMatchRequest(member(1), ASKER, US, '2028-01-01', ORIGINALS, made);
  const consent = body.parameter?.find((p) => p.name === 'Consent')?.resource;
  const bundle = { patientId: 'm-1', consent } as unknown as MemberBundle;
  expect(attests(await read(statementOf(bundle.consent) ?? ''), bundle)).toBe(true);
});

test.each<[string, Talk]>([
  ['that takes no contained resources', talk({ signedStatement: 0 })],
  ['at which we are not registered', talk({}, null)],
])('a peer %s gets none', async (_, to) => {
  const [bundle] = readMemberBundles(request(await statements(to, 'pull-1', asked)));
  expect(statementOf(bundle?.consent)).toBeUndefined();
  expect(bundle?.consent).toMatchObject({ sourceReference: { reference: `${ORIGINALS}/c1` } });
});

describe('who chose for the member', () => {
  const chosen = member(1);
  chosen.consent = { ...chosen.consent, representative: { name: 'Carmen Rivera', authority: 'mother' } };
  const sent = async (limits: Record<string, number> = {}) => {
    const made = await statements(talk(limits), 'pull-1', [chosen]);
    const [bundle] = readMemberBundles(
      matchRequest([chosen], ASKER, US, '2028-01-01', ORIGINALS, made) as unknown as Json,
    );
    return bundle as MemberBundle;
  };

  test.each([{}, { signedStatement: 0 }])('is said, and read so (%o)', async (limits) => {
    const { consent } = await sent(limits);
    const parties = { us: US, peer: ASKER };
    expect(evaluateConsent({ consent: consent as Resource, attested: true }, parties, '2027-01-06')).toMatchObject({
      ok: true,
      byRepresentative: true,
    });
    const [own] = readMemberBundles(request(new Map()));
    expect(evaluateConsent({ consent: own?.consent as Resource, attested: true }, parties, '2027-01-06')).toMatchObject(
      { byRepresentative: false },
    );
  });

  test('the person is contained, with the right, and an actor', async () => {
    const { consent } = await sent();
    const contained = (consent?.['contained'] ?? []) as JsonObject[];
    const person = contained.find((c) => c['id'] === 'representative');
    expect(person).toMatchObject({
      resourceType: 'RelatedPerson',
      patient: { reference: 'Patient/m-1' },
      name: [{ text: 'Carmen Rivera' }],
      relationship: [{ text: 'mother' }],
    });
    expect(consent).toMatchObject({ performer: [{ reference: '#representative' }] });
    const { actor = [] } = (consent?.['provision'] ?? {}) as { actor?: { role: object; reference: object }[] };
    expect(actor.at(-1)).toMatchObject({
      role: { coding: [{ code: 'RESPRSN' }], text: 'mother' },
      reference: { reference: '#representative' },
    });
    // the statement is found beside the person
    expect(statementOf(consent)).toBeDefined();
  });

  test('is read from the choice that holds', async () => {
    const node = await startNode({}, {});
    try {
      const { sql } = node.deps.database;
      await addPeer(
        sql,
        { id: 'old', name: 'Old Plan', fhirBase: 'https://old.example/fhir', clientIdThere: 'c' },
        'test',
        node.deps.clock(),
      );
      await setPeerState(sql, 'old', 'active', 'test', node.deps.clock());
      await enrol(node.deps, [{ number: 'N1', family: 'Rivera', given: 'Ana', born: '1974-12-25', prior: 'Old Plan' }]);
      const read = async () => {
        const [id = ''] = await planPulls(node.deps, { cause: 'command', again: true });
        return submissions(sql, id, planDay(node.deps.clock()));
      };
      expect((await read())[0]?.consent.representative).toBeNull();
      await sql`update exchange.pull set state = 'failed'`;
      const [own] = await sql<{ id: string }[]>`select id from exchange.member`;
      const given = readChoice(
        new URLSearchParams({
          choice: 'opt-in',
          channel: 'phone',
          verification: 'birth date',
          representative: 'Carmen Rivera',
          authority: 'mother',
        }),
      );
      if ('faults' in given) throw new Error(given.faults.join());
      await recordChoice(node.deps, own?.id ?? '', given, { kind: 'staff', subject: 'test', requestId: 'r' });
      expect((await read())[0]?.consent.representative).toEqual({ name: 'Carmen Rivera', authority: 'mother' });
    } finally {
      await node.close();
    }
  });
});

test('what the profiles want and no one stated is said to be unknown, so that no payer refuses a batch for one member', () => {
  const bare: Submission = {
    ...member(3),
    theirNumber: '',
    patient: { resourceType: 'Patient', name: [{ text: 'Baby' }], address: [{ text: 'Main Street' }] },
  };
  const [bundle] = readMemberBundles(matchRequest([bare], ASKER, US, '2028-01-01', ORIGINALS) as unknown as Json);
  const unknown = { extension: [{ valueCode: 'unknown' }] };
  expect(bundle?.patient).toMatchObject({
    gender: 'unknown',
    name: [{ _family: unknown, _given: [unknown] }],
    _birthDate: unknown,
  });
  expect(bundle?.coverageToMatch).toMatchObject({
    _subscriberId: unknown,
    relationship: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'unknown' }] },
  });
  expect(bundle?.coverageToMatch).not.toHaveProperty('identifier');
  // of an address that is text alone nothing is left, and what is empty is no FHIR
  expect(bundle?.patient).not.toHaveProperty('address');
  const extension = [{ url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex', valueCode: 'F' }];
  const born: Submission = { ...member(4), subscriberId: 'S4', patient: { ...member(4).patient, extension } };
  const [other] = readMemberBundles(matchRequest([born], ASKER, US, '2028-01-01', ORIGINALS) as unknown as Json);
  expect(other?.patient).toMatchObject({ extension });
  expect(other?.patient).not.toHaveProperty('gender');
  expect(other?.coverageToLink).toMatchObject({ subscriberId: 'S4', identifier: [{ value: 'N4' }] });
});

// Our signed word about a member, as a peer of the same making reads it.
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { statements } from '../../exchange/client/attest.ts';
import { matchRequest, type Submission, singleMatchRequest } from '../../exchange/client/member-bundle.ts';
import type { Talk } from '../../exchange/client/talk.ts';
import { attests, readStatement, statementOf } from '../../exchange/match/attestation.ts';
import { type MemberBundle, readMemberBundles } from '../../exchange/match/member-bundle.ts';
import { AS_IT_IS, contentHash } from '../../src/fhir/canonical.ts';
import type { Json, JsonObject } from '../../src/fhir/resource.ts';
import { ASKER, US } from './plan-fixture.ts';

const NOW = new Date('2027-01-06T12:00:00Z');
const ORIGINALS = 'https://new.example/exchange/fhir/DocumentReference';
const member = (n: number): Submission => ({
  submittedId: `m-${n}`,
  patient: { resourceType: 'Patient', name: [{ family: 'Rivera', given: ['Ana'] }], birthDate: '1974-12-25' },
  memberNumber: `N${n}`,
  coverageStart: '2027-01-01',
  theirNumber: 'OH100',
  theirPeriod: {},
  consent: { id: `c${n}`, recordedOn: '2027-01-02', policy: 'regular' },
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

// Consent, check by check in the order of the specification; the first failure decides.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluateConsent } from '../../exchange/members/consent/evaluate.ts';
import { coverageAttests } from '../../exchange/responder/match/attestation.ts';
import { readMemberBundles } from '../../exchange/responder/match/read-member-bundle.ts';
import type { Json, Resource } from '../../src/fhir/resource.ts';
import { ASKER, parts, US } from './plan-fixture.ts';

const TODAY = '2027-02-01';
type Made = ReturnType<typeof parts>;
function judge(change: (p: Made) => void = () => {}, today = TODAY): string {
  const p = parts({}, '2027-01-06');
  change(p);
  const decided = evaluateConsent(
    {
      memberId: 'found',
      consent: p.consent as unknown as Resource,
      attested: coverageAttests(p.coverageToLink as unknown as Resource | undefined, ASKER),
    },
    { us: US, peer: ASKER, base: 'https://us.example/fhir' },
    today,
  );
  return decided.ok ? decided.policy : decided.fault;
}
const provision = (change: Record<string, unknown>) => (p: Made) => void Object.assign(p.consent.provision, change);
const consent = (change: Record<string, unknown>) => (p: Made) => void Object.assign(p.consent, change);
const period = (start?: string, end?: string) =>
  provision({ period: { ...(start ? { start } : {}), ...(end ? { end } : {}) } });
const contained = (resourceType: string) =>
  consent({
    performer: [{ reference: '#p' }],
    contained: [
      { resourceType, id: 'p' },
      { resourceType: 'Organization', id: 'o' },
    ],
  });
/** One more actor, who has this role (v3-RoleCode). */
const role = (code: string) => (p: Made) =>
  provision({
    actor: [
      ...(p.consent.provision['actor'] as object[]),
      { role: { coding: [{ code }] }, reference: { display: 'x' } },
    ],
  })(p);
const HREX = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html';

describe('one check after the other', () => {
  test.each<[string, (p: Made) => void, string]>([
    ['good', () => {}, 'regular'],
    ['sensitive', consent({ policy: [{ uri: `${HREX}#sensitive` }] }), 'sensitive'],
    ['not active', consent({ status: 'inactive' }), 'consent-malformed'],
    [
      'other scope',
      consent({
        scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
      }),
      'consent-malformed',
    ],
    ['no category', consent({ category: [] }), 'consent-malformed'],
    ['deny', provision({ type: 'deny' }), 'consent-malformed'],
    ['no action', provision({ action: [] }), 'consent-malformed'],
    ['nested provision', provision({ provision: [{ type: 'deny' }] }), 'consent-malformed'],
    ['security label in it', provision({ securityLabel: [{ code: 'R' }] }), 'consent-malformed'],
    ['data period in it', provision({ dataPeriod: {} }), 'consent-malformed'],
    [
      'something that changes its meaning',
      consent({ modifierExtension: [{ url: 'https://x.example/m' }] }),
      'consent-malformed',
    ],
    [
      'something that changes what an actor means',
      provision({ actor: [{ modifierExtension: [{ url: 'https://x.example/m' }] }] }),
      'consent-malformed',
    ],
    [
      'something that changes what one of several actors means',
      (p) => {
        const actor = (p.consent.provision['actor'] as object[]).map((x, i) =>
          i === 1 ? { ...x, modifierExtension: [{ url: 'https://x.example/m' }] } : x,
        );
        provision({ actor })(p);
      },
      'consent-malformed',
    ],
    ['rules of its own', consent({ implicitRules: 'https://x.example/rules' }), 'consent-malformed'],
    [
      'the same in what it contains',
      consent({
        contained: [{ resourceType: 'DocumentReference', modifierExtension: [{ url: 'https://x.example/m' }] }],
      }),
      'regular',
    ],
    ['no evidence', (p) => void delete p.consent['sourceReference'], 'consent-malformed'],
    ['two performers', consent({ performer: [{ display: 'a' }, { display: 'b' }] }), 'consent-malformed'],
    ['no end', period('2027-01-01'), 'consent-malformed'],
    ['no start', period(undefined, '2027-12-31'), 'consent-malformed'],
    ['a day there is not', period('2027-01-01', '2027-02-31'), 'consent-malformed'],
    ['patient absent', (p) => void delete p.consent['patient'], 'consent-other-patient'],
    ['patient is a practitioner', consent({ patient: { reference: 'Practitioner/1' } }), 'consent-other-patient'],
    // as in the examples of the guides: https://hl7.org/fhir/us/davinci-hrex, PDex multi-member match
    ['patient of another id', consent({ patient: { reference: 'Patient/1' } }), 'regular'],
    ['patient at the asker', consent({ patient: { reference: 'http://asker.example/fhir/Patient/1' } }), 'regular'],
    [
      'patient of ours, who was found',
      consent({ patient: { reference: 'https://us.example/fhir/Patient/found/_history/2' } }),
      'regular',
    ],
    [
      'patient of ours, another one',
      consent({ patient: { reference: 'https://us.example/fhir/Patient/1' } }),
      'consent-other-patient',
    ],
    ['starts tomorrow', period('2027-02-02', '2027-12-31'), 'consent-not-yet'],
    ['starts today', period('2027-02-01', '2027-12-31'), 'regular'],
    ['ends today', period('2027-01-01', '2027-02-01'), 'regular'],
    ['of today alone', period('2027-02-01', '2027-02-01'), 'regular'],
    ['ended yesterday', period('2026-01-01', '2027-01-31'), 'consent-expired'],
    ['policy unknown', consent({ policy: [{ uri: 'https://x.example/policy' }] }), 'consent-policy-unknown'],
    [
      'both policies',
      consent({ policy: [{ uri: `${HREX}#regular` }, { uri: `${HREX}#sensitive` }] }),
      'consent-policy-unknown',
    ],
    ['no coverage with the asker', (p) => void Object.assign(p, { coverageToLink: undefined }), 'attestation-missing'],
    [
      'coverage with another person',
      (p) => void Object.assign(p.coverageToLink, { payor: [{ display: 'Third Plan' }] }),
      'attestation-missing',
    ],
  ])('%s', (_, change, expected) => {
    expect(judge(change)).toBe(expected);
  });

  const actors = (source: object, recipient: object) => (p: Made) => {
    const [a, b] = p.consent.provision['actor'] as { reference: object }[];
    if (a) a.reference = source;
    if (b) b.reference = recipient;
  };
  const by = (value: string, system = 'http://hl7.org/fhir/sid/us-npi') => ({ identifier: { system, value } });
  test.each<[string, object, object, string]>([
    ['other source', by('9000000020'), by(ASKER.npi), 'consent-wrong-source'],
    ['our NPI under another system', by(US.npi, 'https://x.example'), by(ASKER.npi), 'consent-wrong-source'],
    ['our name, another NPI', { ...by('9000000020'), display: US.name }, by(ASKER.npi), 'consent-wrong-source'],
    ['our name alone', { display: 'old plan' }, by(ASKER.npi), 'regular'],
    ['other recipient', by(US.npi), by('9000000020'), 'consent-wrong-recipient'],
    ['swapped', by(ASKER.npi), by(US.npi), 'consent-wrong-source'],
  ])('%s', (_, source, recipient, expected) => {
    expect(judge(actors(source, recipient))).toBe(expected);
  });

  test('a reference that fits only by being the one Patient is tolerated', () => {
    for (const reference of ['Patient/1', 'https://new.example/fhir/Patient/9', '#m-1'])
      expect(judge(consent({ patient: { reference } }))).toBe('regular');
  });

  test.each([
    ['2027-02-02', '2027-02-02', 'regular', TODAY],
    ['2027-02-03', '2027-02-02', 'consent-not-yet', undefined],
    ['2027-02-02', TODAY, 'consent-not-yet', undefined],
    // an instant of another place, which has come
    ['2027-02-02T03:00:00+10:00', TODAY, 'regular', TODAY],
    ['2027-02-01T23:59:59-05:00', TODAY, 'regular', TODAY],
    ['2027-01-31T23:00:00-05:00', TODAY, 'regular', '2027-01-31'],
    ['2027-02-02T03:00:00Z', TODAY, 'consent-not-yet', undefined],
  ])('a consent from %s, when %s has begun in UTC, is %s', (start, begun, expected, from) => {
    const p = parts({}, '2027-01-06');
    period(start, '2027-12-31')(p);
    const decided = evaluateConsent(
      { consent: p.consent as unknown as Resource, attested: true },
      { us: US, peer: ASKER },
      TODAY,
      begun,
    );
    expect(decided.ok ? [decided.policy, decided.from] : [decided.fault, undefined]).toEqual([expected, from]);
  });

  test.each<[string, (p: Made) => void, boolean]>([
    ['no one but the member', () => {}, false],
    ['a Patient', consent({ performer: [{ reference: 'Patient/1' }] }), false],
    ['someone who is contained', contained('RelatedPerson'), true],
    ['the member, contained', contained('Patient'), false],
    ['someone who is not there', consent({ performer: [{ reference: '#nobody' }] }), false],
    ['someone by the address', consent({ performer: [{ reference: 'https://x.example/RelatedPerson/1' }] }), true],
    ['someone by the type alone', consent({ performer: [{ type: 'RelatedPerson', display: 'x' }] }), true],
    ['a guardian among the actors', role('GUARD'), true],
    ['a witness among the actors', role('WIT'), false],
  ])('%s consents: was it someone for the member?', (_, change, expected) => {
    const p = parts({}, '2027-01-06');
    change(p);
    const asked = { consent: p.consent as unknown as Resource, attested: true };
    expect(evaluateConsent(asked, { us: US, peer: ASKER }, TODAY)).toMatchObject({
      ok: true,
      byRepresentative: expected,
    });
  });

  test('a period that ends before it begins holds on no day, not even on one that has begun in UTC alone', () => {
    const p = parts({}, '2027-01-06');
    period('2027-02-02', TODAY)(p);
    const asked = { consent: p.consent as unknown as Resource, attested: true };
    for (const [today, begun] of [
      [TODAY, '2027-02-02'],
      [TODAY, TODAY],
      ['2027-02-02', '2027-02-02'],
    ] as const)
      expect(evaluateConsent(asked, { us: US, peer: ASKER }, today, begun)).toMatchObject({
        fault: 'consent-malformed',
      });
  });
});

const data = process.env['TEST_DATA_DIR'];
const examples = data === undefined ? '' : join(data, 'data/pdex-examples');
describe.skipIf(!existsSync(examples))('examples of the guides (TEST_DATA_DIR)', () => {
  const read = (path: string) => readMemberBundles(JSON.parse(readFileSync(join(examples, path), 'utf8')) as Json);
  test('our own request is judged regular at its time and expired after it', () => {
    const parties = {
      us: { npi: '1987654328', name: 'Old Health Plan' },
      peer: { npi: '1234567893', name: 'New Health Plan' },
    };
    const judged = (today: string) =>
      read('ours/bulk-member-match-request.json').map((b) => {
        if (!b.consent) throw new Error('no consent');
        const attested = coverageAttests(b.coverageToLink, parties.peer);
        const bundle = { consent: b.consent, attested };
        const decided = evaluateConsent(bundle, parties, today);
        return decided.ok ? decided.policy : decided.fault;
      });
    expect(judged('2027-02-01')).toEqual(['regular', 'sensitive', 'regular', 'consent-expired']);
    expect(judged('2030-01-01')).toEqual(Array(4).fill('consent-expired'));
  });
  test('the request of PDex 2.2 is read with its loose references; its consents are long expired', () => {
    const bundles = read('pdex-2.2.0/Parameters-payer-multi-member-match-in.json');
    expect(bundles.length).toBeGreaterThan(0);
    for (const b of bundles) {
      if (!b.consent) throw new Error('no consent');
      const decided = evaluateConsent(
        { consent: b.consent, attested: coverageAttests(b.coverageToLink, ASKER) },
        { us: US, peer: ASKER },
        '2027-02-01',
      );
      expect(decided.ok).toBe(false);
      if (!decided.ok) expect(decided.fault).toBe('consent-expired');
    }
  });
});

test('however many payers a coverage names, and organizations it contains, it is reported in a moment whom it names', () => {
  const ids = Array.from({ length: 150_000 }, (_, i) => `o${i}`);
  const coverage = {
    resourceType: 'Coverage',
    contained: ids.map((id) => ({ resourceType: 'Organization', id, name: `Payer ${id}` })),
    payor: ids.toReversed().map((id) => ({ reference: `#${id}` })),
  };
  expect(coverageAttests(coverage, ASKER)).toBe(false);
  expect(coverageAttests(coverage, { npi: null, name: 'Payer o0' })).toBe(true);
});

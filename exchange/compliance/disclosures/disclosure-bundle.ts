// The disclosures of a member as a FHIR Bundle: an AuditEvent for each time that something left, with the Provenance
// that says of which request and consent it came, and those Consents as they were sent.
import type { AuditEvent, Bundle, Consent, Provenance } from 'fhir/r4.js';
import type { Deps } from '../../../src/deps.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { consentsSent } from './consents-sent.ts';
import { type Disclosure, leftOf, serviceDays, WHY } from './disclosures.ts';

type Needs = Pick<Deps, 'config' | 'clock' | 'database'>;
type Left = Disclosure & { at: Date };

const auditUrl = (d: Left): string => `urn:payer-node:audit:${d.seq}`;
const consentUrl = (id: string): string => `urn:payer-node:consent:${id}`;

/**
 * What was made ready and never fetched is not in it. Of what left while the person was taken for another one no
 * Consent is: it names that one.
 */
export async function disclosureBundle(
  deps: Needs,
  memberId: string,
  disclosures: readonly Disclosure[],
): Promise<Bundle<AuditEvent | Consent | Provenance>> {
  const events = disclosures.flatMap((d): Left[] => (d.at === null ? [] : [{ ...d, at: d.at }]));
  const ids = [...new Set(events.flatMap((d) => (d.consentId === null || d.asMember !== null ? [] : [d.consentId])))];
  const sent = await consentsSent(deps.database.sql, ids);
  const consents = ids.flatMap((id) => {
    const consent = sent.get(id);
    return consent === undefined ? [] : [{ fullUrl: consentUrl(id), resource: consent as unknown as Consent }];
  });
  const isThere = (d: Left): boolean => d.consentId !== null && d.asMember === null && sent.has(d.consentId);
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp: formatInstant(deps.clock()),
    entry: [
      ...events.flatMap((d) => [
        { fullUrl: auditUrl(d), resource: auditEvent(deps, memberId, d, isThere(d)) },
        { fullUrl: `urn:payer-node:provenance:${d.seq}`, resource: provenance(deps, d, isThere(d)) },
      ]),
      ...consents,
    ],
  };
}

const plan = ({ config }: Pick<Deps, 'config'>) => ({
  ...(config.planNpi === null ? {} : { identifier: { system: NPI_SYSTEM, value: config.planNpi } }),
  display: config.planName,
});
const peer = (d: Left) => ({
  ...(d.peerNpi === null ? {} : { identifier: { system: NPI_SYSTEM, value: d.peerNpi } }),
  display: d.peerName,
});
const consentOf = (id: string, isThere: boolean) =>
  isThere ? { reference: consentUrl(id) } : { identifier: { value: id } };

function auditEvent(deps: Pick<Deps, 'config'>, memberId: string, d: Left, hasConsent: boolean): AuditEvent {
  const isExport = d.action === 'export-member';
  const range = serviceDays(d);
  return {
    resourceType: 'AuditEvent',
    id: `audit-${d.seq}`,
    type: isExport
      ? { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110106', display: 'Export' }
      : {
          system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
          code: 'rest',
          display: 'RESTful Operation',
        },
    action: isExport || d.action === 'read' ? 'R' : 'E',
    period: { start: formatInstant(d.at), end: formatInstant(d.lastAt ?? d.at) },
    recorded: formatInstant(d.at),
    outcome: '0',
    purposeOfEvent: [{ text: WHY }],
    agent: [
      {
        who: peer(d),
        ...(d.peerAddress === null ? {} : { location: { display: d.peerAddress } }),
        requestor: true,
      },
    ],
    source: { observer: plan(deps) },
    entity: [
      {
        what: { reference: `Patient/${memberId}` },
        role: { system: 'http://terminology.hl7.org/CodeSystem/object-role', code: '1', display: 'Patient' },
        ...(d.asMember === null
          ? {}
          : { description: `As records of Patient/${d.asMember}, for whom the person was taken` }),
        detail: [
          ...leftOf(d).map(({ what, n }) => ({ type: what, valueString: String(n) })),
          ...(typeof range === 'string'
            ? []
            : [{ type: 'days of service', valueString: `${range.first}/${range.last}` }]),
        ],
      },
      ...(d.consentId === null
        ? []
        : [{ what: consentOf(d.consentId, hasConsent), description: 'The consent it rests on' }]),
    ],
  };
}

function provenance(deps: Pick<Deps, 'config'>, d: Left, hasConsent: boolean): Provenance {
  return {
    resourceType: 'Provenance',
    id: `provenance-${d.seq}`,
    target: [{ reference: auditUrl(d) }],
    occurredPeriod: { start: formatInstant(d.at), end: formatInstant(d.lastAt ?? d.at) },
    recorded: formatInstant(d.at),
    reason: [{ text: WHY }],
    agent: [
      {
        type: {
          coding: [
            {
              system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
              code: 'transmitter',
            },
          ],
        },
        who: plan(deps),
      },
    ],
    entity: [
      { role: 'source', what: { identifier: { value: d.object }, display: 'The request' } },
      ...(d.consentId === null
        ? []
        : [
            {
              role: 'source' as const,
              what: { ...consentOf(d.consentId, hasConsent), display: 'The consent it rests on' },
            },
          ]),
    ],
  };
}

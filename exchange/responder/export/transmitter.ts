// The Transmitter Provenance of an export: this plan sent these records. Same targets as they are, same Provenance, in whatever order the
// database gave them: an export repeated without change is unchanged for the receiver, for whom order counts. PDex 2.2 §127.
import { v5 as uuid5 } from 'uuid';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import type { Payer } from '../../members/consent/evaluate.ts';

/** Namespace of ids that we derive; fixed for ever. */
export const PROJECT_NAMESPACE = 'b1f6b6c2-6d0c-4f0e-9a53-0a8f0d5c7e21';
export const MAX_TARGETS = 10_000;

/**
 * JSON text of one Transmitter Provenance.
 * @param targets `Type/id`, at most {@link MAX_TARGETS}
 * @param recorded newest `lastUpdated` of the targets: when we recorded what we transmit
 */
export function transmitterProvenance(
  us: Payer,
  peerId: string,
  targets: readonly string[],
  recorded: string,
): { id: string; json: string } {
  const about = [...targets].sort();
  // of another time it is another statement: who passed the first one on would else have it come back for ever as what it was
  const id = uuid5(
    Buffer.from(`transmitter|${us.npi ?? us.name}|${peerId}|${recorded}|${about.join(',')}`),
    PROJECT_NAMESPACE,
  );
  const json = JSON.stringify({
    resourceType: 'Provenance',
    id,
    meta: {
      lastUpdated: recorded,
      profile: ['http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-provenance'],
    },
    target: about.map((reference) => ({ reference })),
    recorded,
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
        who: { ...(us.npi === null ? {} : { identifier: { system: NPI_SYSTEM, value: us.npi } }), display: us.name },
      },
    ],
  });
  return { id, json };
}

/**
 * The Transmitter Provenance of directory-type records: they belong to no member, so they have one of their own, or one for each
 * {@link MAX_TARGETS} of them.
 */
export function sharedTransmitters(
  us: Payer,
  peerId: string,
  sent: readonly { key: string; lastUpdated: Date }[],
): { id: string; json: string; recorded: Date }[] {
  const sorted = sent.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return Array.from({ length: Math.ceil(sorted.length / MAX_TARGETS) }, (_, i) => {
    const part = sorted.slice(i * MAX_TARGETS, (i + 1) * MAX_TARGETS);
    const recorded = part.reduce((at, s) => (s.lastUpdated > at ? s.lastUpdated : at), new Date(0));
    const targets = part.map((s) => s.key);
    return { ...transmitterProvenance(us, peerId, targets, formatInstant(recorded)), recorded };
  });
}

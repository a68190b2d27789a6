// How entries were verified, after the verification profile of the National Directory guide:
// https://hl7.org/fhir/us/ndh. Most are recent, some are old, a few failed.
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { isoDate } from '../dates.ts';
import { Draw, kindKey } from '../random.ts';
import { AS_OF, concept } from './elements.ts';
import { id, type Layout, practitionerOfRole, reference } from './layout.ts';

const KIND = kindKey('verification-result');
const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const SOURCES = ['lic-board', 'prim', 'cont-ed', 'post-serv'] as const;

/** Roles in turn with the person, and now and then a place or an organization. */
function targets(l: Layout, index: number): JsonObject[] {
  const kind = index % 8;
  if (kind === 6) return [reference('location', l.areas + (index % (l.locations - l.areas)))];
  if (kind === 7) return [reference('organization', index % l.organizations)];
  const role = (index * 7) % l.roles;
  return [reference('role', role), reference('practitioner', practitionerOfRole(l, role).practitioner)];
}

export function verificationResult(l: Layout, index: number): Resource {
  const draw = new Draw(l.seed, KIND, index);
  const failed = index > 2 && draw.chance(0.1);
  const done = AS_OF - (draw.chance(0.7) ? draw.between(1, 80) : draw.between(91, 700));
  return {
    resourceType: 'VerificationResult',
    id: id.verification(index),
    target: targets(l, index),
    need: concept(`${TERMINOLOGY}/need`, 'periodic'),
    status: failed ? 'val-fail' : 'validated',
    statusDate: isoDate(done),
    validationType: concept(`${TERMINOLOGY}/validation-type`, 'primary'),
    validationProcess: [concept(`${TERMINOLOGY}/validation-process`, 'primary')],
    lastPerformed: isoDate(done),
    nextScheduled: isoDate(done + 90),
    failureAction: concept(`${TERMINOLOGY}/failure-action`, 'warn'),
    primarySource: [
      {
        type: [concept(`${TERMINOLOGY}/primary-source-type`, SOURCES[index % SOURCES.length] ?? 'prim')],
        validationStatus: concept(`${TERMINOLOGY}/validation-status`, failed ? 'failed' : 'successful'),
        validationDate: isoDate(done),
      },
    ],
    attestation: {
      who: reference('payer', 0),
      communicationMethod: concept(`${TERMINOLOGY}/verificationresult-communication-method`, 'manual'),
      date: isoDate(done),
    },
  };
}

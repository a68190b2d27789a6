// An attestation that the plan's staff has received: a VerificationResult in our own directory, after the verification profile
// of the National Directory guide (https://hl7.org/fhir/us/ndh). The date is that of the provider's word, never that of typing.
import { createHash } from 'node:crypto';
import { formatInstant } from '../../src/fhir/instant.ts';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { DIRECTORY_PATH } from '../app.ts';
import { readResource } from '../resource/resource.ts';
import { importResources } from '../resource/resource-import.ts';
import type { FederationDeps } from './client.ts';
import { DUE_DAYS } from './signal-statements.ts';

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const concept = (system: string, code: string): JsonObject => ({
  coding: [{ system: `${TERMINOLOGY}/${system}`, code }],
});
const DAY = 86_400_000;

export type Attestation = {
  /** `Type/id` of our own directory */
  key: string;
  /** day of the word, YYYY-MM-DD */
  day: string;
  /** who gave it, as it may be published: the provider, or "staff of the practice" */
  who: string;
  how: 'manual' | 'portal';
};
export type Attested = 'ok' | 'not-found' | 'bad-day' | 'no-who';

/** What may be attested: people, groups, places, roles; networks and plans need none. */
const ATTESTED =
  /^(?:Practitioner|PractitionerRole|Organization|Location|HealthcareService|OrganizationAffiliation)\/[A-Za-z0-9\-.]{1,64}$/;

/** Records an attestation. The same one again changes nothing. */
export async function attest(
  deps: Pick<FederationDeps, 'config' | 'clock' | 'database'>,
  a: Attestation,
): Promise<Attested> {
  const at = Date.parse(`${a.day}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(a.day) || Number.isNaN(at) || at > deps.clock().getTime()) return 'bad-day';
  if (a.who.trim() === '') return 'no-who';
  const found = ATTESTED.test(a.key) ? await readResource(deps.database.sql, a.key) : undefined;
  if (!found || found.deleted) return 'not-found';
  const resource = verification(a, at, deps.clock());
  const entry = { source: 'attestation', line: 1, text: JSON.stringify(resource), resource };
  const summary = await importResources(deps.database, [entry], {
    base: `${deps.config.baseUrl}${DIRECTORY_PATH}`,
    clock: deps.clock,
    validate,
  });
  if (summary.rejected > 0) throw new Error(`An attestation was rejected: ${summary.examples[0]?.message ?? ''}`);
  return 'ok';
}

function verification(a: Attestation, at: number, now: Date): Resource {
  const days = a.key.startsWith('Organization/') || a.key.startsWith('Location/') ? DUE_DAYS.facility : DUE_DAYS.person;
  const next = new Date(at + days * DAY).toISOString().slice(0, 10);
  const id = `attest-${createHash('sha256').update(`${a.key}|${a.day}|${a.who}`).digest('hex').slice(0, 32)}`;
  return {
    resourceType: 'VerificationResult',
    id,
    target: [{ reference: a.key }],
    need: concept('need', 'periodic'),
    status: 'validated',
    statusDate: formatInstant(now).slice(0, 10),
    validationType: concept('validation-type', 'primary'),
    validationProcess: [concept('validation-process', 'primary')],
    frequency: { repeat: { frequency: 1, period: days, periodUnit: 'd' } },
    lastPerformed: a.day,
    nextScheduled: next,
    failureAction: concept('failure-action', 'warn'),
    primarySource: [
      {
        type: [concept('primary-source-type', 'prim')],
        communicationMethod: [concept('verificationresult-communication-method', a.how)],
        validationStatus: concept('validation-status', 'successful'),
        validationDate: a.day,
        canPushUpdates: concept('can-push-updates', 'no'),
      },
    ],
    attestation: {
      who: { display: a.who.trim().slice(0, 200) },
      communicationMethod: concept('verificationresult-communication-method', a.how),
      date: a.day,
    },
  };
}

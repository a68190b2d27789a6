// What a refusal means to those who write the client, and what they change. Staff read another table
// (compliance/security/security-events.ts): what is nothing to them is all that an integrator looks for.

import { refusalMeaning } from '../compliance/security/security-events.ts';
import { meaning } from '../reconcile/reasons.ts';

export type Advice = { what: string; todo: string };

/** By the reason of the audit row. */
const CHANGES: Readonly<Record<string, string>> = {
  'content-type': 'Send application/x-www-form-urlencoded.',
  'authorization-header': 'Leave the Authorization header out: the assertion is the proof.',
  query: 'Send the parameters in the body, not in the address.',
  size: 'A form has at most 64 KiB.',
  parameters: 'Send each parameter once, and no client_secret.',
  grant_type: 'grant_type is client_credentials.',
  assertion:
    'client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer, and client_assertion a JWT.',
  malformed:
    'The assertion must be a compact JWT: three parts in base64url without padding, JSON without a member twice.',
  header: 'The header needs alg ES384 or RS384, a kid, and typ JWT or none; no crit, no b64.',
  'unknown-client': 'Put the registered client id into iss and sub.',
  'client-suspended': 'Have the client approved: /staff/peers.',
  'client-id': 'Leave client_id out, or give the client id of iss.',
  jku: 'Leave jku out, or give the registered address letter by letter.',
  key: 'The kid must be one of the registered key set, once, with a key that fits alg.',
  'blocked-key': 'Sign with another key; this one was blocked by staff.',
  signature: 'Sign header and payload as they are sent; an ES384 signature is r and s of 48 bytes each, not DER.',
  'keys-unreadable': 'The key set must answer at the registered address in five seconds, without a redirect, as JSON.',
  'keys-throttled': 'Use a kid that is in the key set; it was looked for too often.',
  'private-key': 'The key set held a private key. Make new keys, and publish the public halves.',
  claims: 'The assertion needs iss and exp, exp as a number.',
  subject: 'iss and sub are both the client id.',
  jti: 'Give each assertion a jti of its own, a text of at most 256 characters.',
  'not-yet': 'iat and nbf are seconds since 1970, not later than now: look at the clock, and for milliseconds.',
  audience: 'aud is token_endpoint of smart-configuration, letter by letter, as one text and no list.',
  'audience-list':
    'aud is one text and no list. If your library cannot, ask staff for the payer’s limit audienceList, which lets a list of one in.',
  expired: 'exp is in seconds, later than now and at most five minutes ahead: look at the clock, and for milliseconds.',
  replay: 'Make a new assertion for every request, for one that is sent again too.',
  scope: 'Ask for scopes of smart-configuration, such as system/*.rs, that the client was registered with.',
  throttled: 'Wait as Retry-After says.',
  busy: 'Ask for the same again when Retry-After is over; nothing else has to change, and the first request counts.',
  'token-void': 'Get a new token: the record of the client was changed, or it was suspended.',
  'insufficient-scope': 'Ask for a token whose scopes cover it: those of the operation, and a read scope of each type.',
  'no-token': 'Send the access token: Authorization: Bearer, and the token as the token endpoint gave it.',
  'invalid-token': 'Get a new token: one lives for as long as expires_in says, and only at the server that gave it.',
  unprocessable: 'Send the structure that the operation asks for, as the OperationOutcome of the answer says.',
  'invalid-json': 'Send valid JSON, each member of an object once.',
  'too-large': 'Ask for less at once, such as fewer members.',
  'unsupported-media-type': 'Send Content-Type: application/fhir+json.',
  'missing-parameter': 'Send what the OperationOutcome of the answer names, such as Prefer: respond-async.',
  'invalid-parameter': 'Look at the parameter that the OperationOutcome of the answer names.',
  'unknown-parameter': 'Leave the parameter out, or send Prefer: handling=lenient.',
  'not-acceptable': 'Accept application/fhir+json.',
  'not-granted': 'Use addresses and ids as this server gave them to this client. What was deleted or is over is gone.',
  'no-match':
    'Send the member number as identifier of type MB and as subscriberId of CoverageToMatch, its payor with our NPI, and name and birth date of the person.',
  ambiguous: 'Send the member’s own number (identifier of type MB), not that of the policy alone.',
  'consent-malformed':
    'Send what hrex-consent asks for: status active, scope patient-privacy, category IDSCL, one performer, sourceReference, provision permit with period, actors and action disclose, and nothing that it forbids.',
  'consent-other-patient': 'Consent.patient refers to MemberPatient by its id.',
  'consent-not-yet': 'provision.period begins later than today.',
  'consent-expired': 'provision.period has ended.',
  'member-block': 'Nothing: the member said no here.',
  'member-deceased': 'Nothing, unless a representative consented: then the performer says so.',
  'consent-wrong-source': 'The actor with role performer names us, by our NPI.',
  'consent-wrong-recipient': 'The actor with role IRCP names the payer of this client, by the NPI that is registered.',
  'consent-policy-unknown': 'Exactly one policy.uri, that of HRex for regular or for sensitive.',
  'match throttled':
    'Ask with one card for a person: after the third, no question for the person is answered for thirty days.',
  'attestation-missing': 'Send CoverageToLink whose payor is the payer of this client, by the NPI that is registered.',
};

/** @param action of the audit row */
export function adviceOn(action: string, reason: string): Advice {
  const { text: what } = action === 'match' ? meaning('decision', reason) : refusalMeaning(action, reason);
  return { what, todo: CHANGES[`${action} ${reason}`] ?? CHANGES[reason] ?? 'See the documentation of this server.' };
}

/** Reasons that there is advice on, for the test that none is without. */
export const ADVISED: ReadonlySet<string> = new Set(Object.keys(CHANGES));

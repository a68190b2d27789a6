// One member's match decided: a unique person first, then consent. Pure.
import { evaluateConsent, type Payer } from '../../members/consent/evaluate.ts';
import type { Verdict } from './attempt.ts';
import type { Bucket } from './groups.ts';
import type { MemberBundle } from './read-member-bundle.ts';

/** The member's own id: what is still believed when many cards were tried for a person. */
const OWN_ID_RULES: ReadonlySet<number> = new Set([27, 28]);

/**
 * `refusedOn`: when the member last said no to us, when that is the newest word; `diedOn`: when the member died, `-infinity` when
 * only that is known. YYYY-MM-DD.
 */
export type Found = {
  persons: number;
  rule: number | null;
  memberId?: string | null;
  refusedOn?: string | null;
  diedOn?: string | null;
};
export type Decided = { bucket: Bucket; reason: string; policy?: string; from?: string; to?: string };

/**
 * `begun`: the last day that has begun, here or in UTC. Only of a unique match it is reported that consent is the
 * obstacle, and trying never reveals anything.
 */
export function decide(
  bundle: MemberBundle,
  found: Found | undefined,
  verdict: Verdict,
  parties: { us: Payer; peer: Payer; attested: boolean; base?: string },
  today: string,
  begun = today,
): Decided {
  if (verdict === 'throttle') return { bucket: 'nomatch', reason: 'throttled' };
  const { persons, rule } = found ?? { persons: 0, rule: null };
  if (persons === 0) return { bucket: 'nomatch', reason: 'no-match' };
  if (persons > 1) return { bucket: 'nomatch', reason: 'ambiguous' };
  if (verdict === 'strict' && (rule === null || !OWN_ID_RULES.has(rule)))
    return { bucket: 'nomatch', reason: 'throttled' };
  // by whichever rule: docs/decisions/015
  const fault = (reason: string): Decided => ({ bucket: 'consentconstraint', reason });
  if (bundle.consent === undefined) return fault('consent-malformed');
  const consent = evaluateConsent(
    { consent: bundle.consent, attested: parties.attested, memberId: found?.memberId ?? null },
    parties,
    today,
    begun,
  );
  if (!consent.ok) return fault(consent.fault);
  const refusedOn = found?.refusedOn ?? null;
  if (refusedOn !== null && refusedOn >= consent.from) return fault('member-block');
  // the dead consent to nothing; anyone who speaks for them may
  const diedOn = found?.diedOn ?? null;
  if (diedOn !== null && (diedOn === '-infinity' || diedOn < consent.from) && !consent.byRepresentative)
    return fault('member-deceased');
  return { bucket: 'match', reason: 'matched', policy: consent.policy, from: consent.from, to: consent.to };
}

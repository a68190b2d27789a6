// What the audit tells of one match, whichever way it was asked for.
import type { AuditEntry } from '../../compliance/audit/audit.ts';
import { NORMALIZATION } from './normalize.ts';
import type { SingleMatch } from './single-match-rows.ts';

type Matched = Pick<SingleMatch, 'outcome' | 'reason' | 'rule' | 'fuzzy' | 'attestation' | 'memberId'>;

/** Who asked, for whom, and by which rule it was decided; the caller adds when and under which id. */
export const matchAudit = (m: Matched, peerId: string): Omit<AuditEntry, 'at'> => ({
  actorKind: 'peer',
  actor: peerId,
  action: 'match',
  memberId: m.memberId ?? undefined,
  peerId,
  outcome: m.outcome === 'match' ? 'ok' : 'refused',
  reason: m.reason,
  detail: {
    rule: m.rule,
    fuzzy: m.fuzzy,
    outcome: m.outcome,
    attestation: m.attestation,
    normalization: NORMALIZATION,
  },
});

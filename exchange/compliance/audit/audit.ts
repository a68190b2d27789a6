// Audit rows: insert-only, each with its own hash, written in the transaction of what they tell of.
import { hash } from 'node:crypto';
import type { Queryable } from '../../../src/db/database.ts';
import { AS_IT_IS, canonicalJson } from '../../../src/fhir/canonical.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';

export type AuditEntry = {
  at: Date;
  actorKind: 'peer' | 'staff' | 'system' | 'command';
  /** peer id, staff subject, or name of the command or process part */
  actor: string;
  /** closed vocabulary, verb first: `token`, `match`, `export`, `file`, `view` … */
  action: string;
  /** type and id of what it is about, `pull/…`, `export/…`, `Type/id` */
  object?: string;
  memberId?: string | undefined;
  peerId?: string | undefined;
  consentId?: string | undefined;
  /** `noted`: it was done, and is unusual */
  outcome?: 'ok' | 'refused' | 'failed' | 'noted';
  reason?: string;
  requestId?: string;
  /** counts and codes only; of a sign-in the name of the plan's own person */
  detail?: Record<string, unknown>;
};
export type AuditRow = Required<Omit<AuditEntry, 'memberId' | 'peerId' | 'consentId' | 'at'>> & {
  at: string;
  memberId: string | null;
  peerId: string | null;
  consentId: string | null;
  hash: string;
};

function rowOf(e: AuditEntry) {
  return {
    at: e.at.toISOString(),
    actorKind: e.actorKind,
    actor: e.actor,
    action: e.action,
    object: e.object ?? '',
    memberId: e.memberId ?? null,
    peerId: e.peerId ?? null,
    consentId: e.consentId ?? null,
    outcome: e.outcome ?? 'ok',
    reason: e.reason ?? '',
    requestId: e.requestId ?? '',
    detail: e.detail ?? {},
  } as const;
}

/** SHA-256 over the canonical JSON (RFC 8785) of all members, lower-case hex: the same when the row is read back. */
export function auditHash(e: AuditEntry): string {
  return hashOf(rowOf(e));
}

function hashOf(row: ReturnType<typeof rowOf>): string {
  // what is no plain value is looked at as it is written
  const isFlat = Object.values(row.detail).every((v) => typeof v !== 'object' || v === null);
  const plain = isFlat ? row : { ...row, detail: JSON.parse(JSON.stringify(row.detail)) as JsonObject };
  return hash('sha256', canonicalJson(plain as JsonObject, AS_IT_IS), 'hex');
}

/** A row with its hash. */
export function auditRow(e: AuditEntry): AuditRow {
  const row = rowOf(e);
  return { ...row, hash: hashOf(row) };
}

export async function writeAudit(tx: Queryable, rows: readonly AuditRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.unsafe(INSERT_AUDIT, [auditJson(rows)], { prepare: true });
}

/** The insertion, to be a part of another statement; `$1` is {@link auditJson}. */
export const INSERT_AUDIT = `
    insert into exchange.audit (at, actor_kind, actor, action, object, member_id, peer_id, consent_id, outcome, reason, request_id, detail,
      hash)
    select at, "actorKind", actor, action, object, "memberId", "peerId", "consentId", outcome, reason, "requestId", detail, hash::bytea
    from jsonb_to_recordset($1::text::jsonb)
      as r(at timestamptz, "actorKind" text, actor text, action text, object text, "memberId" text, "peerId" text, "consentId" text,
        outcome text, reason text, "requestId" text, detail jsonb, hash text)`;

export const auditJson = (rows: readonly AuditRow[]): string =>
  JSON.stringify(rows.map((r) => ({ ...r, hash: `\\x${r.hash}` })));

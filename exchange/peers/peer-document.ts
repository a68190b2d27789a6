// What the trust in a peer rests on. The papers are kept elsewhere; here is where, and how long they hold.

import { and, desc, eq, getColumns, isNotNull, isNull } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { peerDocument } from './schema.ts';

export const DOCUMENT_KINDS = ['contract', 'register', 'attestation', 'certificate', 'other'] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];
export type NewDocument = {
  peerId: string;
  kind: DocumentKind;
  title: string;
  /** where the paper is */
  place: string;
  /** YYYY-MM-DD */
  from: string | null;
  to: string | null;
};
export type PeerDocument = NewDocument & {
  id: string;
  addedBy: string;
  addedAt: Date;
  endedBy: string | null;
  endedAt: Date | null;
};

export async function addDocument(tx: Queryable, d: NewDocument, by: string, at: Date): Promise<void> {
  const { peerId, kind, title, place } = d;
  await orm(tx)
    .insert(peerDocument)
    .values({ peerId, kind, title, place, validFrom: d.from, validTo: d.to, addedBy: by, addedAt: at });
}

/** The title of the document, when it was in force. */
export async function endDocument(
  tx: Queryable,
  peerId: string,
  id: string,
  by: string,
  at: Date,
): Promise<string | undefined> {
  if (!/^\d{1,15}$/.test(id)) return undefined;
  const isIt = and(eq(peerDocument.id, Number(id)), eq(peerDocument.peerId, peerId), isNull(peerDocument.endedAt));
  const [row] = await orm(tx)
    .update(peerDocument)
    .set({ endedBy: by, endedAt: at })
    .where(isIt)
    .returning({ title: peerDocument.title });
  return row?.title;
}

/** peer_document_peer. */
export async function peerDocuments(sql: Queryable, peerId: string): Promise<PeerDocument[]> {
  const { validFrom: from, validTo: to, ...columns } = getColumns(peerDocument);
  const rows = await orm(sql)
    .select({ ...columns, from, to })
    .from(peerDocument)
    .where(eq(peerDocument.peerId, peerId))
    .orderBy(isNotNull(peerDocument.endedAt), desc(peerDocument.id));
  return rows.map((row) => ({ ...row, id: String(row.id) }));
}

/** Which of some peers have a standing statement of attestation in force on a day (YYYY-MM-DD). peer_document_peer. */
export async function attestingPeers(sql: Queryable, peerIds: readonly string[], day: string): Promise<Set<string>> {
  const rows = await sql<{ peerId: string }[]>`
    select distinct peer_id as "peerId" from exchange.peer_document
    where peer_id = any(${[...new Set(peerIds)]}::text[]) and kind = 'attestation' and ended_at is null
      and ${day}::date between coalesce(valid_from, '-infinity') and coalesce(valid_to, 'infinity')`;
  return new Set(rows.map((r) => r.peerId));
}

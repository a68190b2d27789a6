// What the trust in a peer rests on. The papers are kept elsewhere; here is where, and how long they hold.
import type { Queryable } from '../../src/db/database.ts';

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
  await tx`
    insert into exchange.peer_document (peer_id, kind, title, place, valid_from, valid_to, added_by, added_at)
    values (${d.peerId}, ${d.kind}, ${d.title}, ${d.place}, ${d.from}::text::date, ${d.to}::text::date, ${by}, ${at})`;
}

/** The title of the document, when it was in force. */
export async function endDocument(
  tx: Queryable,
  peerId: string,
  id: string,
  by: string,
  at: Date,
): Promise<string | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const [row] = await tx<{ title: string }[]>`
    update exchange.peer_document set ended_by = ${by}, ended_at = ${at}
    where id = ${id}::text::bigint and peer_id = ${peerId} and ended_at is null returning title`;
  return row?.title;
}

/** peer_document_peer. */
export async function peerDocuments(sql: Queryable, peerId: string): Promise<PeerDocument[]> {
  return [
    ...(await sql<PeerDocument[]>`
      select id::text, peer_id as "peerId", kind, title, place, valid_from::text as "from", valid_to::text as "to", added_by as "addedBy",
        added_at as "addedAt",
        ended_by as "endedBy", ended_at as "endedAt"
      from exchange.peer_document where peer_id = ${peerId} order by ended_at is not null, peer_document.id desc`),
  ];
}

/** Which of some peers have a standing statement of attestation in force on a day (YYYY-MM-DD). peer_document_peer. */
export async function attestingPeers(sql: Queryable, peerIds: readonly string[], day: string): Promise<Set<string>> {
  const rows = await sql<{ peerId: string }[]>`
    select distinct peer_id as "peerId" from exchange.peer_document
    where peer_id = any(${[...new Set(peerIds)]}::text[]) and kind = 'attestation' and ended_at is null
      and ${day}::date between coalesce(valid_from, '-infinity') and coalesce(valid_to, 'infinity')`;
  return new Set(rows.map((r) => r.peerId));
}

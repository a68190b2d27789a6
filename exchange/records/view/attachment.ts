// A document of a received record, as staff open it: only while its record is shown.
import type { Deps } from '../../../src/deps.ts';
import { attachmentKey, findAttachment } from '../attachment.ts';
import { labelOfRecord, lastChoice } from './member-rows.ts';

export type OpenedAttachment = {
  memberId: string;
  /** the record, `Type/id` */
  record: string;
  isSensitive: boolean;
  media: string | null;
  bytes: number;
  sha256: string;
  content: AsyncIterable<Uint8Array>;
};

/** Undefined where it is not kept, its record was taken back, or the member has taken the choice back. `not-copied`: kept, and not yet here. */
export async function openAttachment(
  deps: Pick<Deps, 'database' | 'blobs'>,
  memberId: string,
  documentId: string,
): Promise<OpenedAttachment | 'not-copied' | undefined> {
  const { sql } = deps.database;
  const found = await findAttachment(sql, documentId);
  if (found?.memberId !== memberId) return undefined;
  const choice = await lastChoice(sql, memberId);
  const label = await labelOfRecord(sql, memberId, found.type, found.recordId);
  if (label === undefined || choice === 'withdraw' || choice === 'decline') return undefined;
  const content = await deps.blobs.get(attachmentKey(found.sha256));
  if (!content) return deps.blobs.isCopy === true ? 'not-copied' : undefined;
  const { media, bytes, sha256 } = found;
  // what is not labelled yet counts as sensitive
  const isSensitive = (label.label ?? 1) > 0;
  return { memberId, record: `${found.type}/${found.recordId}`, isSensitive, media, bytes, sha256, content };
}

// What the audit keeps of an id that a peer asked for and was not given. A peer may type anything, the number of a card too: an id of ours
// stands as it is, any other one as a keyed mark, which is the same for the same id and does not tell what it was.
import { createHmac } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { readDocumentId } from '../records/facts/attachment.ts';
import { attemptSecret } from './match/attempt-secret.ts';
import { membersHolding, umbsOf } from './search/candidate-members.ts';

const OBJECT = /^([A-Za-z]{1,40})\/([A-Za-z0-9.-]{1,64})$/;
/** Of jobs, Groups and received records: no number of a person is that long. */
const MADE = /^(?:(?:g-)?[0-9a-f]{24,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const MARK_LENGTH = 16;

/** @param object `Type/id`, as it was asked for; nothing is kept of what cannot be one */
export async function refusedObject(deps: Pick<Deps, 'database' | 'keys'>, object: string): Promise<string> {
  const [, type, id] = OBJECT.exec(object) ?? [];
  if (type === undefined || id === undefined) return '';
  if (MADE.test(id) || (await isOurs(deps, type, id))) return object;
  const mark = createHmac('sha256', await attemptSecret(deps))
    .update(`asked|${id}`)
    .digest('base64url');
  return `${type}/~${mark.slice(0, MARK_LENGTH)}`;
}

/** The record, or the one that a document stands in. */
async function isOurs({ database: { sql } }: Pick<Deps, 'database'>, type: string, id: string): Promise<boolean> {
  if (type === 'Patient') return (await umbsOf(sql, [id])).size > 0;
  const record = type === 'Binary' ? readDocumentId(id) : { type, id };
  return record !== undefined && (await membersHolding(sql, record.type, [record.id])).length > 0;
}

// A match that failed for good is owed until the payer has asked for all of its members again, at once or in parts, and has the answers: a
// payer sends the members again, under other ids.
import { createHash } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import { closeFailed } from '../../members/deadlines/deadline.ts';
import { ourselves } from '../../plan.ts';
import type { BulkJob } from '../bulk-job.ts';
import { bundlesIn } from './bundle-reader.ts';
import { toQuery } from './read-member-bundle.ts';
import { type AskedMatch, answeredAfter, owedMatches } from './repeated-match.ts';

/** Whom a request asks for, by name, birth date and numbers. Undefined when it is not kept any more. */
async function membersOf(deps: Deps, { bodyKey }: AskedMatch): Promise<Set<string> | undefined> {
  const stream = await deps.blobs.get(bodyKey);
  if (!stream) return undefined;
  const us = ourselves(deps.config);
  const members = new Set<string>();
  for await (const bundle of bundlesIn(stream as AsyncIterable<Uint8Array>)) {
    const q = toQuery(bundle, us, deps.clock());
    const said = [q.dob, q.family, q.given, q.mb, q.sub, q.mbi, q.umb].map((part) => part.toSorted());
    members.add(createHash('sha256').update(JSON.stringify(said)).digest('base64'));
  }
  return members;
}

/** After a match was answered: ends the clocks of those that failed before and whose members have all been answered for since. */
export async function settleRepeated(deps: Deps, job: BulkJob): Promise<void> {
  const { sql } = deps.database;
  for (const owed of await owedMatches(sql, job.peerId, job.receivedAt)) {
    const missing = await membersOf(deps, owed);
    if (!missing) continue;
    for (const answered of await answeredAfter(sql, owed.id)) {
      for (const member of (await membersOf(deps, answered)) ?? []) missing.delete(member);
      if (missing.size === 0) break;
    }
    if (missing.size === 0) await closeFailed(sql, 'C3-match', owed.id, deps.clock());
  }
}

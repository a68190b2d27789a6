// POST Group/$bulk-member-match, PDex 2.2: accept, store the request whole, answer 202. The match runs in the worker.
// http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch
import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { JsonFault } from '../../../src/fhir/strict-json.ts';
import { type FhirEnv, route } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { responseDue } from '../../members/deadlines/business-day.ts';
import { openClock } from '../../members/deadlines/deadline.ts';
import { calendarVersion } from '../../members/deadlines/rules.ts';
import { addresses } from '../../plan.ts';
import { authorize, holdCaller } from '../authorize.ts';
import { addJob, countOpenJobs } from '../bulk-job.ts';
import { firstSent, noteWaiting } from '../export/delayed-requests.ts';
import { acceptFhir, isFhirJson, readPrefer } from '../prefer.ts';
import { fhirBytes } from '../request-body.ts';
import { BundleReader } from './bundle-reader.ts';
import { BundleFault } from './read-member-bundle.ts';

const MAX_BODY = 64 * 1024 * 1024;
const MAX_OPEN_JOBS = 20;
/** Requests of one peer that this process takes in at once: each may be 64 MiB on the disk, and come slowly. */
const MAX_COMING = MAX_OPEN_JOBS;

/** 128 bits, base64url without leading sign characters that shells and URLs trip over. */
export const newJobId = (): string => randomBytes(16).toString('hex');

export function bulkMemberMatch(deps: Deps) {
  const coming = new Map<string, number>();
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Group/$bulk-member-match');
    const receivedAt = deps.clock();
    const caller = await authorize(c, deps, 'match.bulk');
    acceptFhir(c.req.header('accept'));
    const prefer = readPrefer(c.req.header('prefer'));
    if (!prefer.isAsync) throw new Outcome('missing-parameter', 'Send Prefer: respond-async.');
    if (!isFhirJson(c.req.header('content-type'))) throw new Outcome('unsupported-media-type');
    const { sql } = deps.database;
    const wanted = { kind: 'match', peerId: caller.peer.id, groupId: null } as const;
    const refused = async (error: unknown): Promise<never> => {
      await noteWaiting(sql, wanted, { at: receivedAt, requestId: c.get('requestId') }, error);
      throw error;
    };
    await refuseTooMany(sql, caller.peer.id).catch(refused); // before the body is read
    const id = newJobId();
    const here = addresses(deps.config);
    const bodyKey = `bulk/${id}/request.json`;
    const reader = new BundleReader();
    const others = coming.get(caller.peer.id) ?? 0;
    if (others >= MAX_COMING)
      return refused(new Outcome('throttled', 'Too many of your requests are on their way.', { retryAfter: 10 }));
    coming.set(caller.peer.id, others + 1);
    try {
      // what is refused leaves nothing behind
      await deps.blobs.put(bodyKey, looked(fhirBytes(c, MAX_BODY), reader, deps.config.matchMaxMembers));
    } finally {
      const left = (coming.get(caller.peer.id) ?? 1) - 1;
      if (left > 0) coming.set(caller.peer.id, left);
      else coming.delete(caller.peer.id);
    }
    const { members } = reader;
    const spec = editionOf(prefer.pdexSpec ?? c.req.header('x-pdex-spec-version'));
    const stored = sql.begin(async (tx) => {
      await holdCaller(tx, caller);
      await refuseTooMany(tx, caller.peer.id);
      const startsAt = await firstSent(tx, wanted, receivedAt);
      const dueAt = responseDue(startsAt, deps.config);
      await addJob(tx, {
        id,
        kind: 'match',
        peerId: caller.peer.id,
        requestUrl: `${here.fhir}/Group/$bulk-member-match`,
        parameters: { spec: spec ?? null, members },
        bodyKey,
        groupId: null,
        receivedAt,
        dueAt,
      });
      await openClock(tx, {
        kind: 'C3-match',
        subject: id,
        peerId: caller.peer.id,
        startsAt,
        dueAt,
        zone: deps.config.timeZone,
        calendar: calendarVersion(deps.config.extraHolidays),
      });
      await writeAudit(tx, [
        auditRow({
          at: receivedAt,
          actorKind: 'peer',
          actor: caller.peer.id,
          action: 'match-requested',
          object: `match/${id}`,
          peerId: caller.peer.id,
          requestId: c.get('requestId'),
          detail: { members },
        }),
      ]);
    });
    await stored.catch(async (error: unknown) => {
      await deps.blobs.delete(bodyKey);
      return refused(error);
    });
    c.get('logged')['members'] = members;
    deps.wake?.();
    return c.body(null, 202, {
      'content-location': `${here.fhir}/$export-status/${id}`,
      'preference-applied': 'respond-async',
      'cache-control': 'no-store',
    });
  };
}

/** `2.1.0` and `v2.1` are 2.1. */
const editionOf = (written: string | undefined): string | undefined =>
  /^v?(\d{1,3}\.\d{1,3})(?:\.|$)/.exec(written ?? '')?.[1];

async function refuseTooMany(sql: Queryable, peerId: string): Promise<void> {
  const { open } = await countOpenJobs(sql, peerId);
  if (open >= MAX_OPEN_JOBS) throw new Outcome('throttled', 'Too many of your jobs are open.', { retryAfter: 60 });
}

/** Structure is judged as it comes, so that the peer hears of it in the answer, and the request is never in memory as a whole. */
async function* looked(
  body: AsyncIterable<Uint8Array>,
  reader: BundleReader,
  most: number,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const piece of body) {
      for (const _ of reader.take(piece))
        if (reader.members > most) throw new Outcome('too-large', `A request may hold at most ${most} MemberBundles.`);
      yield piece;
    }
    reader.end();
  } catch (error) {
    if (error instanceof BundleFault) throw new Outcome('unprocessable', error.message);
    if (error instanceof JsonFault) throw new Outcome('invalid-json', error.message);
    throw error;
  }
}

// Kick-off of an export, the same for every operation and level: check, store, answer 202. The export runs in the worker.
// https://hl7.org/fhir/uv/bulkdata/STU2/export.html, http://hl7.org/fhir/us/davinci-atr

import type { Context } from 'hono';
import { readScopes } from '../../../src/auth/scopes.ts';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { localDay, responseDue } from '../../members/deadlines/business-day.ts';
import { openClock } from '../../members/deadlines/deadline.ts';
import { calendarVersion } from '../../members/deadlines/rules.ts';
import { addresses } from '../../plan.ts';
import { EXPORT_ORDER } from '../../records/facts/record-types.ts';
import { authorize, type Caller, covers, holdCaller, insufficientScope, recordRefusal } from '../authorize.ts';
import { addJob, countOpenJobs } from '../bulk-job.ts';
import { type GrantScope, groupSize, stillGranted } from '../grant.ts';
import { newJobId } from '../match/bulk-member-match.ts';
import { groupCode } from '../match/match-group.ts';
import { acceptFhir, readPrefer } from '../prefer.ts';
import { firstSent, isBeingAnswered, noteWaiting } from './delayed-requests.ts';
import type { ExportOperation, ExportParameters } from './export-parameters.ts';
import { givenParameters, readExportParameters } from './read-parameters.ts';

/**
 * Answers a kick-off.
 * @param groupId the match Group asked for; null: every member who was matched for the peer
 */
export async function kickOffExport(
  c: Context<FhirEnv>,
  deps: Deps,
  operation: ExportOperation,
  groupId: string | null,
): Promise<Response> {
  const receivedAt = deps.clock();
  const { sql } = deps.database;
  const caller = await authorize(c, deps, 'export');
  const scope: GrantScope = { peerId: caller.peer.id, groupId };
  const today = localDay(receivedAt, deps.config.timeZone);
  const code = groupId === null ? 'match' : await groupCode(sql, groupId, caller.peer.id, today);
  if (code === 'over') throw new Outcome('gone', 'The Group is past its time: match its members again.');
  if (code === undefined) await recordRefusal(c, deps, caller.peer, 'not-granted', `Group/${groupId ?? ''}`);
  if (code !== 'match') throw new Outcome('not-found');
  acceptFhir(c.req.header('accept'));
  const prefer = readPrefer(c.req.header('prefer'));
  if (!prefer.isAsync) throw new Outcome('missing-parameter', 'Send Prefer: respond-async.');
  const lenient = prefer.handling === 'lenient';
  const here = addresses(deps.config);
  const how = { operation, method: c.req.method, lenient, now: receivedAt, base: here.fhir };
  const asked = readExportParameters(await givenParameters(c), how);
  const parameters: ExportParameters = {
    ...asked,
    types: await coveredTypes(c, deps, caller, asked.types),
    ...(await grantedPatients(deps, scope, today, asked, lenient)),
    ...(prefer.separateStatus ? { separateStatus: true } : {}),
  };

  const id = newJobId();
  const wanted = { kind: 'export', peerId: caller.peer.id, groupId } as const;
  const place = groupId === null ? 'Patient' : `Group/${groupId}`;
  const requestUrl = `${here.fhir}/${place}/$${operation}${new URL(c.req.url).search}`;
  const stored = sql.begin(async (tx) => {
    await holdCaller(tx, caller);
    const { open, ofGroup } = await countOpenJobs(tx, caller.peer.id, groupId ?? undefined);
    if (operation === 'davinci-data-export' && ofGroup > 0)
      throw new Outcome('throttled', 'An export of this Group is running.', { retryAfter: 5 });
    if (open >= deps.config.exportOpenPerPeer)
      throw new Outcome('throttled', 'Too many of your jobs are open.', { retryAfter: 60 });
    const startsAt = await firstSent(tx, wanted, receivedAt);
    const dueAt = responseDue(startsAt, deps.config);
    const members = parameters.patients?.length ?? (groupId === null ? undefined : await groupSize(tx, groupId));
    await addJob(tx, {
      id,
      kind: 'export',
      peerId: caller.peer.id,
      requestUrl,
      parameters: { ...parameters, ...(members === undefined ? {} : { members }) },
      bodyKey: null,
      groupId,
      receivedAt,
      dueAt,
    });
    await openClock(tx, {
      kind: 'C3-export',
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
        action: 'export-requested',
        object: `export/${id}`,
        peerId: caller.peer.id,
        requestId: c.get('requestId'),
        detail: {
          operation,
          group: groupId,
          since: parameters.since ?? null,
          until: parameters.until ?? null,
          ...(parameters.patients === undefined
            ? {}
            : { patients: parameters.patients.length, patientsLeftOut: parameters.ignoredPatients ?? 0 }),
        },
      }),
    ]);
  });
  await stored.catch(async (error: unknown) => {
    if (!(await isBeingAnswered(sql, wanted, { at: receivedAt, requestUrl, parameters })))
      await noteWaiting(sql, wanted, { at: receivedAt, requestId: c.get('requestId') }, error);
    throw error;
  });
  deps.wake?.();
  return c.body(null, 202, {
    'content-location': `${here.fhir}/$export-status/${id}`,
    'preference-applied': prefer.separateStatus ? 'respond-async, separate-export-status' : 'respond-async',
    'cache-control': 'private, no-store',
    vary: 'Authorization',
  });
}

/** The types asked for, each of which the scope must cover; without any, all that it covers. */
async function coveredTypes(
  c: Context<FhirEnv>,
  deps: Deps,
  caller: Caller,
  asked: string[] | undefined,
): Promise<string[]> {
  const beyond = asked?.filter((type) => !covers(caller, type)) ?? [];
  if (beyond.length > 0) return insufficientScope(c, deps, caller, readScopes(beyond));
  const types = asked ?? EXPORT_ORDER.filter((type) => covers(caller, type));
  // an answer with nothing in it would be taken for a history with nothing in it
  if (types.length === 0) return insufficientScope(c, deps, caller, 'system/*.r');
  return types;
}

/** Patients asked for who are granted. Others are left out by payer-to-payer, and an error of a plain export. */
async function grantedPatients(
  deps: Deps,
  scope: GrantScope,
  today: string,
  asked: ExportParameters,
  lenient: boolean,
): Promise<Pick<ExportParameters, 'patients' | 'ignoredPatients'>> {
  if (asked.patients === undefined) return {};
  const wanted = [...new Set(asked.patients)];
  const granted = await stillGranted(deps.database.sql, scope, today, wanted);
  const patients = wanted.filter((p) => granted.has(p));
  if (patients.length < wanted.length && asked.operation !== 'davinci-data-export' && !lenient)
    throw new Outcome('invalid-parameter', 'patient names someone whose records you may not have.');
  return { patients, ignoredPatients: wanted.length - patients.length };
}

// POST and GET Group/{id}/$davinci-data-export: check, store, answer 202. http://hl7.org/fhir/us/davinci-atr
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { parseInstant } from '../../src/fhir/instant.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { referenceId } from '../../src/fhir/reference.ts';
import { isObject, isResource, type Json, objects, text } from '../../src/fhir/resource.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { localDay, responseDue } from '../clocks/business-day.ts';
import type { ExportParameters } from '../export/run-export.ts';
import { addresses } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { addJob, countOpenJobs } from '../store/bulk-job.ts';
import { openClock } from '../store/clock.ts';
import { findGroup, grantedMembers } from '../store/match-group.ts';
import { EXPORT_ORDER } from '../transform/record-types.ts';
import { authorize, covers } from './authorize.ts';
import { newJobId } from './bulk-member-match.ts';
import { acceptFhir, isFhirJson, readPrefer } from './prefer.ts';
import { fhirText } from './request-body.ts';

const PAYER_TO_PAYER = 'hl7.fhir.us.davinci-pdex#payertopayer';
const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const MAX_OPEN_JOBS = 20;
const MAX_BODY = 1024 * 1024;

type Given = { name: string; value: string }[];

async function givenParameters(c: Context<FhirEnv>): Promise<Given> {
  if (c.req.method === 'GET') {
    return [...new URL(c.req.url).searchParams].map(([name, value]) => ({
      name,
      value: name === '_since' || name === '_until' ? value.replace(' ', '+') : value,
    }));
  }
  // a parameter in the query of a POST would be ignored, and with it a filter
  if (new URL(c.req.url).search !== '')
    throw new Outcome('unknown-parameter', 'Send the parameters of a POST in its body, not in the query.');
  const body = await fhirText(c, MAX_BODY);
  if (body.trim() === '') return [];
  if (!isFhirJson(c.req.header('content-type'))) throw new Outcome('unsupported-media-type');
  let json: Json;
  try {
    json = JSON.parse(body) as Json;
  } catch {
    throw new Outcome('invalid-json');
  }
  if (!isResource(json) || json.resourceType !== 'Parameters')
    throw new Outcome('unprocessable', 'The body must be a Parameters resource.');
  return objects(json['parameter']).map((p) => {
    const name = text(p['name']);
    const [, value] = Object.entries(p).find(([key]) => key.startsWith('value')) ?? [];
    const written = isObject(value) ? text(value['reference']) : value === undefined ? undefined : String(value);
    if (name === undefined || written === undefined)
      throw new Outcome('unprocessable', 'Each parameter needs a name and a value.');
    return { name, value: written };
  });
}

/** Parameters as the export runs them. Everything that is not understood is an error, unless the client is lenient. */
export function readExportParameters(
  given: Given,
  lenient: boolean,
  now: Date,
): ExportParameters & { patients?: string[] } {
  const notes: string[] = [];
  const types: string[] = [];
  const patients: string[] = [];
  let since: string | undefined;
  let exportType: string | undefined;
  let typed = false;
  for (const { name, value } of given) {
    if (name === '_type') {
      typed = true;
      for (const type of value
        .split(',')
        .map((t) => t.trim())
        .filter(Boolean)) {
        if (EXPORT_ORDER.includes(type)) types.push(type);
        else if (lenient) notes.push('A type that is not exported was ignored.');
        else throw new Outcome('invalid-parameter', '_type names a type that is not exported.');
      }
    } else if (name === '_since') {
      const at = parseInstant(value);
      if (!at || at.getUTCFullYear() < 1900) throw new Outcome('invalid-parameter', '_since must be an instant.');
      if (at > now) throw new Outcome('invalid-parameter', '_since must not be in the future.');
      since = at.toISOString();
    } else if (name === '_outputFormat') {
      if (!FORMATS.has(value)) throw new Outcome('unknown-parameter', '_outputFormat must be application/fhir+ndjson.');
    } else if (name === 'exportType') {
      exportType = value;
      if (value !== PAYER_TO_PAYER) throw new Outcome('unknown-parameter', `exportType must be ${PAYER_TO_PAYER}.`);
    } else if (name === 'patient') {
      const id = referenceId(value, 'Patient');
      if (id === undefined) throw new Outcome('invalid-parameter', 'patient must be a reference to a Patient.');
      patients.push(id);
    } else if (name === '_typeFilter') throw new Outcome('unknown-parameter', '_typeFilter is not supported.');
    else if (lenient) notes.push('A parameter that is not supported was ignored.');
    else
      throw new Outcome(
        'unknown-parameter',
        'A parameter is not supported here: allowed are exportType, _type, _since, _outputFormat and patient.',
      );
  }
  if (typed && types.length === 0) throw new Outcome('invalid-parameter', '_type names no type that is exported.');
  if (exportType === undefined) notes.push(`exportType was not given; ${PAYER_TO_PAYER} was assumed.`);
  return {
    ...(types.length > 0 ? { types } : {}),
    ...(since === undefined ? {} : { since }),
    ...(patients.length > 0 ? { patients } : {}),
    notes,
  };
}

export function davinciDataExport(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Group/:id/$davinci-data-export');
    const receivedAt = deps.clock();
    const caller = await authorize(c, deps, 'export');
    const groupId = c.req.param('id') ?? '';
    const group = await findGroup(deps.database.sql, groupId, caller.peer.id);
    if (group?.code !== 'match') throw new Outcome('not-found');
    acceptFhir(c.req.header('accept'));
    const prefer = readPrefer(c.req.header('prefer'));
    if (!prefer.isAsync) throw new Outcome('missing-parameter', 'Send Prefer: respond-async.');
    const parameters = readExportParameters(await givenParameters(c), prefer.handling === 'lenient', receivedAt);
    for (const type of parameters.types ?? [])
      if (!covers(caller, type))
        throw new Outcome('insufficient-scope', undefined, {
          headers: { 'www-authenticate': 'Bearer realm="fhir", error="insufficient_scope"' },
        });
    const types = (parameters.types ?? EXPORT_ORDER).filter((t) => covers(caller, t));
    const { open, ofGroup } = await countOpenJobs(deps.database.sql, caller.peer.id, groupId);
    if (ofGroup > 0) throw new Outcome('throttled', 'An export of this Group is running.', { retryAfter: 5 });
    if (open >= MAX_OPEN_JOBS) throw new Outcome('throttled', 'Too many of your jobs are open.', { retryAfter: 60 });
    const members = await grantedMembers(deps.database.sql, groupId, localDay(receivedAt, deps.config.timeZone));
    const known = new Set(members.map((m) => m.memberId));
    const asked = parameters.patients;
    const stored: ExportParameters = {
      ...parameters,
      types,
      ...(asked === undefined
        ? {}
        : { patients: asked.filter((p) => known.has(p)), ignoredPatients: asked.filter((p) => !known.has(p)).length }),
    };
    const id = newJobId();
    const here = addresses(deps.config);
    const dueAt = responseDue(receivedAt, deps.config);
    await deps.database.sql.begin(async (tx) => {
      await addJob(tx, {
        id,
        kind: 'export',
        peerId: caller.peer.id,
        requestUrl: `${here.fhir}/Group/${groupId}/$davinci-data-export`,
        parameters: stored,
        bodyKey: null,
        groupId,
        receivedAt,
        dueAt,
      });
      await openClock(tx, { kind: 'C3-export', subject: id, peerId: caller.peer.id, startsAt: receivedAt, dueAt });
      await writeAudit(tx, [
        auditRow({
          at: receivedAt,
          actorKind: 'peer',
          actor: caller.peer.id,
          action: 'export-requested',
          object: `export/${id}`,
          peerId: caller.peer.id,
          requestId: c.get('requestId'),
          detail: { members: members.length, since: parameters.since ?? null },
        }),
      ]);
    });
    deps.wake?.();
    return c.body(null, 202, {
      'content-location': `${here.fhir}/$export-status/${id}`,
      'preference-applied': 'respond-async',
      'cache-control': 'no-store',
    });
  };
}

// POST Patient/$member-match, HRex 1.0 to 1.2: one member, answered at once. Refusals tell nothing: two texts of one length,
// after the same time. http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match
import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { isResource, type Json, objects, type Resource } from '../../src/fhir/resource.ts';
import { FHIR_JSON, type FhirEnv, fhirBody, route } from '../../src/http/fhir-app.ts';
import { checkAccepts } from '../../src/http/negotiate.ts';
import { localDay } from '../clocks/business-day.ts';
import { attemptOf, judgeAttempt } from '../match/attempt.ts';
import { attemptSecret } from '../match/attempt-secret.ts';
import { decide } from '../match/decide.ts';
import { umbIdentifier } from '../match/groups.ts';
import { BundleFault, type MemberBundle, readMemberBundles, toQuery } from '../match/member-bundle.ts';
import { NORMALIZATION } from '../match/normalize.ts';
import { ourselves } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { matchMembers } from '../store/match.ts';
import { recordAttempts, takeCall } from '../store/match-attempt.ts';
import { memberUmb, writeSingleMatch } from '../store/match-single.ts';
import { authorize, type Caller } from './authorize.ts';
import { isFhirJson } from './prefer.ts';
import { fhirText } from './request-body.ts';

const MAX_BODY = 1024 * 1024;
const NAMES = new Set(['MemberPatient', 'CoverageToMatch', 'CoverageToLink', 'Consent']);

/** One member of the request. @throws Outcome unprocessable: the structure, never its values */
function readRequest(body: string): MemberBundle {
  let json: Json;
  try {
    json = JSON.parse(body) as Json;
  } catch {
    throw new Outcome('invalid-json');
  }
  if (!isResource(json) || json.resourceType !== 'Parameters')
    throw new Outcome('unprocessable', 'The body must be a Parameters resource.');
  const parameters = objects(json['parameter']);
  if (parameters.some((p) => typeof p['name'] !== 'string' || !NAMES.has(p['name'])))
    throw new Outcome('unprocessable', `Parameters are ${[...NAMES].join(', ')}, and no others.`);
  try {
    const bundle = { resourceType: 'Parameters', parameter: [{ name: 'MemberBundle', part: parameters }] };
    const [only] = readMemberBundles(bundle, { consent: 'optional' });
    if (only) return only;
  } catch (error) {
    if (!(error instanceof BundleFault)) throw error;
    throw new Outcome('unprocessable', error.message.replace(/^MemberBundle 1/, 'The request'));
  }
  throw new Outcome('unprocessable');
}

type Answered = { umb: string; memberId: string } | { refused: 'no-unique-match' | 'consent-not-met' };

export function memberMatch(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Patient/$member-match');
    const started = performance.now();
    const caller = await authorize(c, deps, 'match.single');
    checkAccepts(c.req.header('accept'), undefined);
    if (!isFhirJson(c.req.header('content-type'))) throw new Outcome('unsupported-media-type');
    const { matchPerMinute } = deps.config;
    const wait =
      matchPerMinute === 0
        ? 0
        : await takeCall(deps.database.sql, caller.peer.id, 'match', matchPerMinute, deps.clock());
    if (wait > 0) throw new Outcome('throttled', undefined, { retryAfter: wait });
    const bundle = readRequest(await fhirText(c, MAX_BODY));
    const answered = await answer(deps, caller, bundle, c.get('requestId'));
    if ('refused' in answered) {
      await floor(started, deps.config.matchFloorMs);
      return refusal(c, answered.refused);
    }
    return fhirBody(c, JSON.stringify(matched(deps, answered, caller)), 200, { 'cache-control': 'no-store' });
  };
}

/** Both refusals have the same length: JSON may end in blanks. */
const REFUSAL_BYTES = 400;

function refusal(c: Context<FhirEnv>, code: 'no-unique-match' | 'consent-not-met'): Response {
  const outcome = new Outcome(code);
  const body = JSON.stringify(outcome.toResource()).padEnd(REFUSAL_BYTES);
  return c.body(body, 422, { 'content-type': FHIR_JSON, 'cache-control': 'no-store' });
}

/** Refusals take the same time, whatever their reason: at least `ms`, and up to a quarter more. */
async function floor(started: number, ms: number): Promise<void> {
  const left = ms * (1 + Math.random() / 4) - (performance.now() - started);
  if (left > 0) await new Promise((done) => setTimeout(done, left));
}

async function answer(deps: Deps, caller: Caller, bundle: MemberBundle, requestId: string): Promise<Answered> {
  const { peer } = caller;
  const us = ourselves(deps.config);
  const now = deps.clock();
  const query = toQuery(bundle, us, now);
  const attempt = attemptOf(query, await attemptSecret(deps));
  return await deps.database.sql.begin(async (tx): Promise<Answered> => {
    const tried = await recordAttempts(tx, peer.id, attempt === undefined ? [] : [attempt], now);
    const verdict = judgeAttempt(tried.get(bundle.position));
    const [found] = verdict === 'throttle' ? [] : await matchMembers(tx, [query]);
    const parties = { us, peer: { npi: peer.npi, name: peer.name } };
    const decided = decide(bundle, found, verdict, parties, localDay(now, deps.config.timeZone));
    const memberId = found?.persons === 1 ? found.memberId : null;
    const id = randomUUID();
    await writeSingleMatch(tx, {
      id,
      peerId: peer.id,
      at: now,
      outcome: decided.bucket,
      reason: decided.reason,
      rule: found?.rule ?? null,
      memberId,
      consent: bundle.consent,
      policy: decided.policy ?? null,
      from: decided.from ?? null,
      to: decided.to ?? null,
      coverageToLink: bundle.coverageToLink,
      requestId,
    });
    await writeAudit(tx, [
      auditRow({
        at: now,
        actorKind: 'peer',
        actor: peer.id,
        action: 'match',
        object: `member-match/${id}`,
        memberId: memberId ?? undefined,
        peerId: peer.id,
        outcome: decided.bucket === 'match' ? 'ok' : 'refused',
        reason: decided.reason,
        requestId,
        detail: { rule: found?.rule ?? null, outcome: decided.bucket, normalization: NORMALIZATION },
      }),
    ]);
    deps.metrics.count('match_members_total', { result: decided.bucket });
    if (decided.reason === 'throttled') deps.log('warn', 'match throttled', { peer: peer.id, match: id });
    const umb = decided.bucket === 'match' && memberId !== null ? await memberUmb(tx, memberId) : undefined;
    if (umb !== undefined && memberId !== null) return { umb, memberId };
    return { refused: decided.bucket === 'consentconstraint' ? 'consent-not-met' : 'no-unique-match' };
  });
}

/** Clients of HRex 1.0 know one parameter only: it is closed. */
function matched(deps: Pick<Deps, 'config'>, found: { umb: string; memberId: string }, caller: Caller): Resource {
  const identifier = { name: 'MemberIdentifier', valueIdentifier: umbIdentifier(found.umb, deps.config.baseUrl) };
  const member = { name: 'MemberId', valueReference: { reference: `Patient/${found.memberId}` } };
  return {
    resourceType: 'Parameters',
    parameter: caller.peer.quirks['hrex'] === '1.0' ? [identifier] : [identifier, member],
  };
}

// POST Patient/$member-match, HRex 1.0 to 1.2: one member, answered at once. Refusals tell nothing: two texts of one length,
// after the same time. http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match
import type { Context } from 'hono';
import { v7 as uuid7 } from 'uuid';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { isResource, type Json, objects, type Resource } from '../../../src/fhir/resource.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../../../src/http/fhir-app.ts';
import { gather } from '../../../src/http/gather.ts';
import { checkAccepts } from '../../../src/http/negotiate.ts';
import type { Peer } from '../../peers/peer.ts';
import type { LimitName } from '../../requester/client/limits.ts';
import { authorizeAhead, type Caller } from '../authorize.ts';
import { untilFloor } from '../constant-time.ts';
import { isFhirJson } from '../prefer.ts';
import { fhirJson } from '../request-body.ts';
import { type AskedSingle, answerSingles } from './answer-singles.ts';
import { takeCallAlone } from './attempt-rows.ts';
import { umbIdentifier } from './groups.ts';
import { BundleFault, type MemberBundle, mayHoldNoText, readMemberBundles } from './read-member-bundle.ts';

const MAX_BODY = 1024 * 1024;
const NAMES = new Set(['MemberPatient', 'CoverageToMatch', 'CoverageToLink', 'Consent']);

/** One member of the request. @throws Outcome unprocessable: the structure, never its values */
function readRequest(json: Json, isText: boolean): MemberBundle {
  if (!isResource(json) || json.resourceType !== 'Parameters')
    throw new Outcome('unprocessable', 'The body must be a Parameters resource.');
  const parameters = objects(json['parameter']);
  if (parameters.some((p) => typeof p['name'] !== 'string' || !NAMES.has(p['name'])))
    throw new Outcome('unprocessable', `Parameters are ${[...NAMES].join(', ')}, and no others.`);
  try {
    const bundle = { resourceType: 'Parameters', parameter: [{ name: 'MemberBundle', part: [...parameters] }] };
    const [only] = readMemberBundles(bundle, { consent: 'optional', isText });
    if (only) return only;
  } catch (error) {
    if (!(error instanceof BundleFault)) throw error;
    throw new Outcome('unprocessable', error.message.replace(/^MemberBundle 1/, 'The request'));
  }
  throw new Outcome('unprocessable');
}

/** Questions answered in one transaction, and transactions at once: one is prepared while the other is in the database. */
const TOGETHER = { most: 64, slots: 2 };

export function memberMatch(deps: Deps) {
  const answer = gather((asked: readonly AskedSingle[]) => answerSingles(deps, asked), TOGETHER);
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Patient/$member-match');
    const started = performance.now();
    const { caller, confirmed } = await authorizeAhead(c, deps, 'match.single');
    const bundle = await readQuestion(c, deps, caller).catch(async (error: unknown) => {
      await confirmed();
      throw error;
    });
    const answered = await answer({
      // in the order of time: what is written beside each other stands beside each other in the indexes, too
      id: uuid7(),
      peerId: caller.peer.id,
      peer: async () => (await confirmed()).peer,
      bundle,
      requestId: c.get('requestId'),
    });
    if ('refused' in answered) {
      await untilFloor(started, deps.config.matchMinLatencyMs);
      return refusal(c, answered.refused);
    }
    return reply(c, JSON.stringify(matched(deps, answered)), 200, HEADERS);
  };
}

/** @throws Outcome for what cannot be read, and for a peer that asks too often */
async function readQuestion(c: Context<FhirEnv>, deps: Deps, caller: Caller): Promise<MemberBundle> {
  checkAccepts(c.req.header('accept'), undefined);
  if (!isFhirJson(c.req.header('content-type'))) throw new Outcome('unsupported-media-type');
  const { matchPerMinute } = deps.config;
  const wait =
    matchPerMinute === 0
      ? 0
      : await takeCallAlone(deps.database.sql, caller.peer.id, 'match', matchPerMinute, deps.clock());
  if (wait > 0) throw new Outcome('throttled', undefined, { retryAfter: wait });
  const { text, json } = await fhirJson(c, MAX_BODY);
  return readRequest(json, !mayHoldNoText(text));
}

const HEADERS = { 'content-type': FHIR_JSON, 'cache-control': 'no-store' };

/** Both refusals have the same length: JSON may end in blanks. */
const REFUSAL_BYTES = 400;

function refusal(c: Context<FhirEnv>, code: 'no-unique-match' | 'consent-not-met'): Response {
  const outcome = new Outcome(code);
  const body = JSON.stringify(outcome.toResource()).padEnd(REFUSAL_BYTES);
  return reply(c, body, 422, HEADERS);
}

const ANSWERS_MEMBER_ID: LimitName = 'memberId';

/** Clients of HRex 1.0 know one parameter only: it is closed. */
function matched(deps: Pick<Deps, 'config'>, found: { umb: string; memberId: string; peer: Peer }): Resource {
  const identifier = { name: 'MemberIdentifier', valueIdentifier: umbIdentifier(found.umb, deps.config.baseUrl) };
  const member = { name: 'MemberId', valueReference: { reference: `Patient/${found.memberId}` } };
  return {
    resourceType: 'Parameters',
    parameter: found.peer.limits[ANSWERS_MEMBER_ID] === 0 ? [identifier] : [identifier, member],
  };
}

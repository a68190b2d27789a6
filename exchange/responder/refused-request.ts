// What a payer is refused, though it may ask, and what someone without a good token asks for: each stands in the audit
// with its reason, beside what is refused for what the asker may not have (authorize.ts).
import type { Context, MiddlewareHandler } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome, type OutcomeCode } from '../../src/fhir/outcome.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { bookRequest } from './refused-request-rows.ts';

/** Those whose row is written where they are refused. */
const answered = new WeakSet<Context>();
export const markAnswered = (c: Context): void => void answered.add(c);

/**
 * Of askers that are not known one write a second and route will do for a process: they cost a look at a signature, and
 * must not cost a write each.
 */
const PAUSE_MS = 1000;
type Owed = { times: number; until: number };
const owed = new WeakMap<Deps, Map<string, Owed>>();

/** How many to book now, this one among them; 0 while others wait for the next second. */
function taken(deps: Deps, key: string, now: number): number {
  const all = owed.get(deps) ?? new Map<string, Owed>();
  owed.set(deps, all);
  const one = all.get(key) ?? { times: 0, until: 0 };
  all.set(key, one);
  one.times++;
  if (now < one.until && one.until <= now + PAUSE_MS) return 0;
  const { times } = one;
  all.set(key, { times: 0, until: now + PAUSE_MS });
  return times;
}

/** What is wrong with a request. What is not there, or over, or at another address, is no refusal. */
const WRONG: ReadonlySet<OutcomeCode> = new Set([
  'unprocessable',
  'invalid-json',
  'too-large',
  'unsupported-media-type',
  'missing-parameter',
  'invalid-parameter',
  'unknown-parameter',
  'not-acceptable',
]);

/** The reason, and what was said when it holds nothing that the asker sent; undefined of what is no refusal, or is reported elsewhere. */
function reasonOf(
  c: Context<FhirEnv>,
  error: Outcome,
  isKnown: boolean,
): { reason: string; said?: string } | undefined {
  if (answered.has(c)) return undefined;
  if (error.code === 'not-signed-in')
    return {
      reason: isKnown ? 'token-void' : c.req.header('authorization') === undefined ? 'no-token' : 'invalid-token',
    };
  if (!isKnown || !WRONG.has(error.code)) return undefined;
  return error.code === 'unprocessable' && error.details !== undefined
    ? { reason: error.code, said: error.details.slice(0, 200) }
    : { reason: error.code };
}

export function noteRefused(deps: Deps): MiddlewareHandler<FhirEnv> {
  return async (c, next) => {
    await next();
    if (!(c.error instanceof Outcome)) return;
    const { peer } = c.get('logged');
    const peerId = typeof peer === 'string' ? peer : null;
    const refused = reasonOf(c, c.error, peerId !== null);
    if (!refused) return;
    const { reason, said } = refused;
    const route = c.get('route') ?? 'other';
    const at = deps.clock();
    const times = peerId === null ? taken(deps, `${reason} ${route}`, at.getTime()) : 1;
    if (times === 0) return;
    const requestId = c.get('requestId');
    await deps.database.sql.begin((tx) => bookRequest(tx, { peerId, reason, route, at, times, requestId, said }));
  };
}

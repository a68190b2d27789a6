// An operation that is not served, or not at this place: said so, with the place where it is. Without that
// `Group/$name` would be taken for a Group of that id, and the answer would be that there is no such Group, or that it
// cannot be posted to.
import type { Context, MiddlewareHandler } from 'hono';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';

/** What may be said again: no value, a name. */
const NAME = /^\$[A-Za-z0-9-]{1,60}$/;

/**
 * @param base of all FHIR routes
 * @param paths as they are registered, `:name` for what varies
 */
export function knownOperations(base: string, paths: readonly string[]): MiddlewareHandler<FhirEnv> {
  const places = paths
    .filter((p) => p.startsWith(`${base}/`) && p.includes('/$'))
    .map((p) => p.slice(base.length + 1).split('/'));
  const isAt = (asked: readonly string[]) => (place: readonly string[]) =>
    place.length === asked.length && place.every((part, i) => part.startsWith(':') || part === asked[i]);
  return async (c: Context<FhirEnv>, next) => {
    const { path } = c.req;
    if (!path.includes('/$')) return next();
    const asked = path.slice(base.length + 1).split('/');
    if (places.some(isAt(asked))) return next();
    const name = asked.find((part) => part.startsWith('$')) ?? '';
    if (!NAME.test(name)) throw new Outcome('unknown-route');
    const elsewhere = places.filter((place) => place.includes(name)).map((place) => place.join('/'));
    const hint =
      elsewhere.length > 0
        ? `It is ${elsewhere.join(' and ').replaceAll(/:(\w+)/g, '[$1]')}.`
        : 'metadata lists the operations that there are.';
    throw new Outcome('unknown-route', `There is no operation ${name} at this place. ${hint}`);
  };
}

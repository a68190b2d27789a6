// A request as handlers need it, whether a router made it or not.
import type { Context } from 'hono';
import type { FhirEnv } from './fhir-app.ts';
import { goneOf } from './gone.ts';

export type Asked = {
  method: string;
  /** path and query as they came */
  url: string;
  /** by its name in small letters */
  header: (name: string) => string | undefined;
  /** Does nobody wait for the answer any more? Absent where that is not known */
  isGone?: () => boolean;
};

export const askedOf = (c: Context<FhirEnv>): Asked => ({
  method: c.req.raw.method,
  url: pathOf(c.req.raw.url),
  header: (name) => c.req.header(name),
  isGone: goneOf(c.env),
});

/** Path and query of an absolute URL. */
const pathOf = (url: string) => url.slice(url.indexOf('/', url.indexOf('://') + 3));

/** The query, when there is one. */
export function queryOf({ url }: Asked): URLSearchParams | undefined {
  const at = url.indexOf('?');
  return at === -1 ? undefined : new URLSearchParams(url.slice(at + 1));
}

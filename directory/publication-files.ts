// GET of published files: what was stored is sent, by its name, for ever the same.
import type { Context } from 'hono';
import { serveFile } from '../src/blobs/serve-file.ts';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { type FhirEnv, route } from '../src/http/fhir-app.ts';
import { findFile } from './publish/file-set.ts';
import { filesPath, OWN, type Place } from './publish/place.ts';

export type FileDeps = Pick<Deps, 'config' | 'database' | 'blobs'> & { place?: Place };

const IMMUTABLE = 'public, max-age=31536000, immutable';

export const fileUrl = (config: { baseUrl: string }, name: string, place = OWN) =>
  `${config.baseUrl}${filesPath(place)}/${name}`;

/** GET /publications/files/… */
export async function publicationFile(c: Context<FhirEnv>, deps: FileDeps): Promise<Response> {
  const path = filesPath(deps.place ?? OWN);
  route(c, `${path}/*`);
  const name = c.req.path.slice(path.length + 1);
  if (!/^[A-Za-z0-9][A-Za-z0-9./_-]{0,199}$/.test(name)) throw new Outcome('not-found');
  return sendFile(c, deps, name, IMMUTABLE);
}

/** A file by its name. What is stored as it is, is never compressed on the way. */
export async function sendFile(
  c: Context<FhirEnv>,
  deps: FileDeps,
  name: string,
  cache: string,
  more: Record<string, string> = {},
): Promise<Response> {
  const file = await findFile(deps.database.sql, name);
  const answer =
    file &&
    (await serveFile(c.req.raw, deps.blobs, file, {
      'cache-control': file.gzip ? cache : `${cache}, no-transform`,
      ...more,
    }));
  if (!answer) throw new Outcome('not-found');
  return answer;
}

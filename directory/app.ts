// The public provider directory. Reads need no account and leave no trace of who asked for what.
// https://hl7.org/fhir/us/davinci-pdex-plan-net/STU1.2/
import type { Context, Hono } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { isDirectoryType } from '../src/fhir/search/types.ts';
import { bodyFirst } from '../src/http/body.ts';
import { prefersPage } from '../src/http/browser.ts';
import { clientAddress } from '../src/http/client-address.ts';
import { errorResponse, FHIR_JSON, type FhirEnv, fhirApp, reply, route } from '../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../src/http/negotiate.ts';
import { type RateLimit, rateLimit } from '../src/http/rate-limit.ts';
import { VERSION } from '../src/version.ts';
import { answerForms } from './answer-forms.ts';
import { CORS, notAllowed, preflight } from './app-answers.ts';
import { capabilityStatement } from './capabilities.ts';
import { type ChangeCounter, changeCounter } from './change-counter.ts';
import { history } from './history.ts';
import { inNetworkDefinition } from './in-network/definition.ts';
import { JWKS_PATH } from './in-network/statement.ts';
import { directoryKeys, inNetworkByGet, inNetworkByPost, inNetworkDefinitionPage } from './in-network.ts';
import { publicationRoutes } from './publication-routes.ts';
import { read, vread } from './read.ts';
import { searchParameterRoutes } from './search/search-parameter.ts';
import { search, searchByPost } from './search/search-type.ts';
import { type Totals, totals } from './search/totals.ts';
import { type Work, workOf } from './work.ts';

/** Path of the directory's FHIR base. */
export const DIRECTORY_PATH = '/directory/fhir';

/** Longest body of any route. */
const MAX_BODY = 65_536;

/** Database role of the service: it reads the schema `directory` and nothing else. */
export const DIRECTORY_ROLE = 'payer_node_directory';

export type DirectoryDeps = Pick<
  Deps,
  'config' | 'clock' | 'database' | 'keys' | 'blobs' | 'log' | 'metrics' | 'wake'
> & {
  /** the primary, for requests of readers, when `database` is a replica */
  requests?: Deps['database'];
};

export type DirectoryOptions = {
  /** address of the socket's other end; the runtime knows how to get it */
  peer?: (c: Context<FhirEnv>) => string | undefined;
  /** shared by requests where an app is made for each */
  totals?: Totals;
  changes?: ChangeCounter;
  /** bounds the work, of the pages too; shared by all that ask one database */
  work?: Work;
  /** shared with the pages */
  limit?: RateLimit | undefined;
  /** the merged base of federation: the same API at another path over another schema, without the publications of our own */
  merged?: { path: string; description: string };
};

const SEARCH_HERE = 'Send a search here as a form by POST, or by GET to the resource type itself, without _search.';
const SEARCH_A_TYPE = 'A search names one resource type, as in /Practitioner?name=…; /metadata tells which there are.';
const NO_BATCH = 'This directory is read only and takes neither batches nor transactions.';
const READ_ONLY = 'This directory is read only.';

/** The app, with its routes under {@link DIRECTORY_PATH}. */
export function createDirectory(deps: DirectoryDeps, options: DirectoryOptions = {}): Hono<FhirEnv> {
  const path = options.merged?.path ?? DIRECTORY_PATH;
  const base = `${deps.config.baseUrl}${path}`;
  const app = fhirApp('directory', deps, CORS);
  const work = options.work ?? workOf(deps.config);
  const searchDeps = { ...deps, base, totals: options.totals ?? totals(), work };
  const changes = options.changes ?? changeCounter();
  const limit = options.limit ?? rateLimit(deps.config.directoryRatePerMinute, deps.clock);
  app.use(`${path}/*`, answerForms(work));
  if (limit)
    app.use(async (c, next) => {
      const address = clientAddress(options.peer?.(c), (name) => c.req.header(name), deps.config.trustedProxies);
      Object.assign(c.get('headers'), limit.take(address));
      await next();
    });
  app.use(`${path}/:type/*`, bodyFirst(MAX_BODY));
  // the pattern holds for /:type too
  app.use(`${path}/:type/*`, (c, next) => (hasOwnPlace(c) ? next() : work.short(next)));
  const metadata = JSON.stringify(
    capabilityStatement({
      base,
      countMax: deps.config.directoryCountMax,
      date: RELEASED,
      version: VERSION,
      ...(options.merged ? { merged: options.merged.description } : {}),
    }),
  );
  const at = app.basePath(path);
  at.options('*', preflight);
  at.get('/metadata', (c) => {
    route(c, '/metadata');
    checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
    return reply(c, metadata, 200, { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=300' });
  });
  if (!options.merged) publicationRoutes(app, at, { ...searchDeps, wake: () => deps.wake?.() });
  at.get('/_history', (c) => history(c, searchDeps));
  at.get('/:type/_history', (c) => history(c, searchDeps));
  at.get('/:type/:id/_history', (c) => history(c, searchDeps));
  if (!options.merged) app.get(JWKS_PATH, (c) => directoryKeys(c, deps));
  at.get('/$in-network', (c) => inNetworkByGet(c, searchDeps));
  at.post('/$in-network', (c) => inNetworkByPost(c, searchDeps));
  const definition = JSON.stringify(inNetworkDefinition(base, RELEASED));
  at.get('/OperationDefinition/in-network', (c) => inNetworkDefinitionPage(c, definition));
  at.all('/$in-network', (c) => notAllowed(c, 'GET, HEAD, POST'));
  searchParameterRoutes(at, base, RELEASED);
  at.get('/:type/_search', (c) => notAllowed(c, 'POST', SEARCH_HERE));
  at.get('/:type/:id', (c) => read(c, searchDeps));
  at.get('/:type', (c) => search(c, { ...searchDeps, changes }));
  at.post('/:type/_search', (c) => searchByPost(c, searchDeps));
  at.get('/:type/:id/_history/:vid', (c) => vread(c, deps));
  at.all('/:type/_search', (c) => notAllowed(c, 'POST', SEARCH_HERE));
  at.get('/', (c) => {
    route(c, 'base');
    // people who open the address get the page that states what it is; it links the CapabilityStatement
    if (prefersPage(c)) return c.redirect('/developers', 303);
    return errorResponse(c, new Outcome('unknown-route', SEARCH_A_TYPE));
  });
  at.all('/', (c) => notAllowed(c, 'GET, HEAD', NO_BATCH));
  for (const route of [
    '/metadata',
    '/:type',
    '/:type/:id',
    '/_history',
    '/:type/:id/_history',
    '/:type/:id/_history/:vid',
  ])
    at.all(route, (c) => notAllowed(c, 'GET, HEAD', READ_ONLY));
  return app;
}

/** Reads and searches wait for a place when it is known what they ask: a request that took two would wait for itself. */
const hasOwnPlace = (c: Context<FhirEnv>): boolean =>
  isDirectoryType(c.req.param('type') ?? '') && !c.req.path.includes('/_history');

/** Date of the interface, for the CapabilityStatement. */
export const RELEASED = '2026-11-24';

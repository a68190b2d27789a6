// The merged base: the directory's own API over the schema in which our records stand beside those of peers, with Provenance.
import type { Context, Hono } from 'hono';
import { storeFailure } from '../../src/db/failure.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { FHIR_JSON, type FhirEnv, fhirApp, reply, route } from '../../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../../src/http/negotiate.ts';
import { rateLimit } from '../../src/http/rate-limit.ts';
import { answerForms } from '../answer-forms.ts';
import { createDirectory, type DirectoryDeps, type DirectoryOptions, RELEASED } from '../app.ts';
import { CORS, notAllowed } from '../app-answers.ts';
import { pageData } from '../page-data.ts';
import { createPages } from '../pages/app.ts';
import { PAGE_HEADERS } from '../publish/frame.ts';
import { totals } from '../search/totals.ts';
import { workOf } from '../work.ts';
import { accuracyPage } from './accuracy-page.ts';
import { toParameters } from './compare/answer.ts';
import { compare, type Question } from './compare/compare.ts';
import { COMPARE_PAGE, comparePage, compareStart } from './compare/page.ts';
import { MERGED_PATH, MERGED_SCHEMA } from './harvest/context.ts';
import { factsPage, lostPage, peersPage } from './peers-page.ts';
import { provenance, provenanceOf } from './provenance.ts';
import { mergedPublications } from './publishing.ts';

/** As of other public pages; one of ours has a form. */
const HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': PAGE_HEADERS['content-security-policy'].replace(
    "form-action 'none'",
    "form-action 'self'",
  ),
};

const SLUG = /^[a-z0-9]{2,12}$/;

/** Where the pages over all directories begin. */
const PAGES_ROOT = '/all';

const DESCRIPTION =
  'Merged view: the own directory beside the directories of other payers. Every record of another payer names its source in meta.source; none of it is republished as ours. $bulk-publish gives our records and those of payers who allow it.';

/** The app, with its routes under {@link MERGED_PATH}. */
export function createFederation(deps: DirectoryDeps, options: DirectoryOptions = {}): Hono<FhirEnv> {
  const app = fhirApp('directory', deps, CORS);
  const at = app.basePath(MERGED_PATH);
  const limit = options.limit ?? rateLimit(deps.config.directoryRatePerMinute, deps.clock);
  const work = options.work ?? workOf(deps.config);
  const shared = { ...options, limit, work };
  const mergedDatabase = onSchema(deps.database, MERGED_SCHEMA);
  const merged = createDirectory(
    { ...deps, database: mergedDatabase },
    { ...shared, merged: { path: MERGED_PATH, description: DESCRIPTION } },
  );
  const base = `${deps.config.baseUrl}${MERGED_PATH}`;
  // all others are the directory's, which rewrites them itself
  for (const own of ['/OperationDefinition/*', '/Provenance', '/Provenance/*', '/$compare'])
    at.use(own, answerForms(work));
  mergedPublications(app, at, { ...deps, database: mergedDatabase }, { base, released: RELEASED });
  at.get('/Provenance', async (c) => {
    route(c, '/Provenance');
    checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
    const target = c.req.query('target');
    if (target === undefined) throw new Outcome('missing-parameter', 'Ask with target=Type/id.');
    if (target.includes('\0')) throw new Outcome('invalid-parameter', 'target is Type/id.');
    return reply(c, JSON.stringify(await provenanceOf(deps.database.sql, target, base)), 200, {
      'content-type': FHIR_JSON,
      'cache-control': 'public, max-age=60',
    });
  });
  at.get('/Provenance/:id', async (c) => {
    route(c, '/Provenance/:id');
    checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
    const found = await provenance(deps.database.sql, c.req.param('id'), base);
    if (!found) throw new Outcome('not-found');
    return reply(c, JSON.stringify(found), 200, { 'content-type': FHIR_JSON, 'cache-control': 'public, max-age=60' });
  });
  let peers: { at: number; page: string } | undefined;
  const compareDeps = {
    sql: deps.database.sql,
    search: { ...deps, database: mergedDatabase, base, totals: totals(), work },
    planName: deps.config.planName,
  };
  const questionOf = (c: Context<FhirEnv>): Question => ({
    npi: c.req.query('npi'),
    organization: c.req.query('organization'),
    location: c.req.query('location'),
  });
  at.get('/$compare', async (c) => {
    route(c, '/$compare');
    checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
    const compared = await compare(questionOf(c), compareDeps);
    return reply(c, JSON.stringify(toParameters(compared)), 200, {
      'content-type': FHIR_JSON,
      'cache-control': 'no-cache',
    });
  });
  at.all('/$compare', (c) => notAllowed(c, 'GET, HEAD'));
  app.get(COMPARE_PAGE, async (c) => {
    route(c, COMPARE_PAGE);
    const question = questionOf(c);
    if (Object.values(question).every((v) => v === undefined)) return reply(c, compareStart(deps.config), 200, HEADERS);
    try {
      return reply(c, comparePage(deps.config, await compare(question, compareDeps)), 200, HEADERS);
    } catch (error) {
      if (!(error instanceof Outcome)) throw error;
      const said =
        error.status === 404
          ? 'No directory lists it.'
          : question.npi === undefined || question.organization !== undefined || question.location !== undefined
            ? error.message
            : 'This is no NPI: it has ten digits, the last of which checks the others.';
      return reply(c, compareStart(deps.config, said), error.status, HEADERS);
    }
  });
  app.get('/directory/all/accuracy', async (c) => {
    route(c, '/directory/all/accuracy');
    if (!deps.config.accuracyPublic) return reply(c, lostPage(deps.config), 404, HEADERS);
    return reply(c, await accuracyPage(deps.config, deps.database.sql), 200, HEADERS);
  });
  app.get('/directory/all/peers', async (c) => {
    route(c, '/directory/all/peers');
    // counting all records costs: once a minute is enough
    if (peers === undefined || performance.now() - peers.at > 60_000)
      peers = { at: performance.now(), page: await peersPage(deps.config, deps.database.sql) };
    return reply(c, peers.page, 200, HEADERS);
  });
  app.get('/directory/all/peers/:slug', async (c) => {
    route(c, '/directory/all/peers/:slug');
    const slug = c.req.param('slug');
    const page = SLUG.test(slug) ? await factsPage(deps.config, deps.database.sql, slug) : undefined;
    return page === undefined ? reply(c, lostPage(deps.config), 404, HEADERS) : reply(c, page, 200, HEADERS);
  });
  const pages = createPages(
    pageData(
      {
        ...deps,
        database: mergedDatabase,
        base,
        totals: totals(),
        work,
      },
      { plans: undefined },
    ),
    deps,
    {
      root: PAGES_ROOT,
      limit,
      rendering: work,
      peer: options.peer,
      failure: storeFailure,
    },
  );
  for (const path of [PAGES_ROOT, `${PAGES_ROOT}/*`]) app.all(path, (c) => pages.fetch(c.req.raw, c.env));
  app.all(`${MERGED_PATH}/*`, (c) => merged.fetch(c.req.raw, c.env));
  return app;
}

// The directory service as a whole: the FHIR API, and the pages for people beside it, under one limit of requests.

import { storeFailure } from '../src/db/failure.ts';
import { forgivingPath } from '../src/http/fhir-app.ts';
import { rateLimit } from '../src/http/rate-limit.ts';
import { ICON_PATH, iconAnswer } from '../src/ui/icon.ts';
import { ROBOTS_PATH, robotsAnswer } from '../src/ui/robots.ts';
import { createDirectory, DIRECTORY_PATH, type DirectoryDeps, type DirectoryOptions } from './app.ts';
import { type PlanCache, pageData } from './page-data.ts';
import { createPages, isPagePath } from './pages/app.ts';
import { totals } from './search/totals.ts';
import { workOf } from './work.ts';

export type Site = { fetch(request: Request, env?: unknown): Response | Promise<Response> };

export type SiteOptions = DirectoryOptions & {
  /** the list of plans, shared by requests where a site is made for each */
  plans?: { plans: PlanCache };
};

export function createSite(deps: DirectoryDeps, options: SiteOptions = {}): Site {
  const shared = {
    ...options,
    totals: options.totals ?? totals(),
    limit: options.limit ?? rateLimit(deps.config.directoryRatePerMinute, deps.clock),
    work: options.work ?? workOf(deps.config),
  };
  const api = createDirectory(deps, shared);
  const data = pageData(
    { ...deps, base: `${deps.config.baseUrl}${DIRECTORY_PATH}`, totals: shared.totals, work: shared.work },
    options.plans,
  );
  const pages = createPages(data, deps, {
    limit: shared.limit,
    rendering: shared.work,
    peer: options.peer,
    failure: storeFailure,
  });
  /** Anyone who follows a wrong link in a browser gets a page, not an OperationOutcome. */
  async function besides(request: Request, env: object): Promise<Response> {
    const answer = await api.fetch(request, env);
    const isLost = answer.status === 404 && request.headers.get('accept')?.includes('text/html');
    return isLost ? pages.fetch(request, env) : answer;
  }
  return {
    fetch(request, env) {
      const path = forgivingPath(request);
      if (path === ICON_PATH) return iconAnswer();
      if (path === ROBOTS_PATH) return robotsAnswer();
      if (path.startsWith('/directory/')) return api.fetch(request, env as object);
      return isPagePath(path) ? pages.fetch(request, env as object) : besides(request, env as object);
    },
  };
}

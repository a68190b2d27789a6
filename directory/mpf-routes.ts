// Medicare Plan Finder: the index of a contract and year, and the report of its audit.
import type { Context } from 'hono';
import { Outcome } from '../src/fhir/outcome.ts';
import { type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { html } from '../src/ui/html.ts';
import type { MpfSummary } from './mpf/make-mpf.ts';
import { mpfReport } from './mpf/report.ts';
import { type FileDeps, sendFile } from './publication-files.ts';
import { channelSets, currentSet, filesOf } from './publish/file-set.ts';
import { PAGE_HEADERS, publicationPage, timeText } from './publish/frame.ts';

export const MPF_PATH = '/publications/mpf';
const FRESH = 'public, max-age=300';

function keyOf(c: Context<FhirEnv>): string {
  const { contract = '', year = '' } = c.req.param() as { contract?: string; year?: string };
  if (!/^[A-Z]\d{4}$/.test(contract) || !/^\d{4}$/.test(year)) throw new Outcome('not-found');
  return `${contract}/${year}`;
}

/** GET …/[contract]/[year]/index.json: never compressed, with everything that CMS asks of its headers. */
export async function mpfIndex(c: Context<FhirEnv>, deps: FileDeps): Promise<Response> {
  route(c, `${MPF_PATH}/:contract/:year/index.json`);
  const set = await currentSet(deps.database.sql, 'mpf', keyOf(c));
  const file = set && (await filesOf(deps.database.sql, set.id)).find((f) => f.kind === 'index');
  if (!file) throw new Outcome('not-found');
  return sendFile(c, deps, file.name, FRESH);
}

const newest = async (c: Context<FhirEnv>, deps: FileDeps) => {
  const key = keyOf(c);
  const found = (await channelSets(deps.database.sql, 'mpf')).find((s) => s.key === key);
  if (!found) throw new Outcome('not-found');
  return found;
};

/** GET …/audit: the report of the newest set, also of one that was refused. */
export async function mpfAuditPage(c: Context<FhirEnv>, deps: FileDeps): Promise<Response> {
  route(c, `${MPF_PATH}/:contract/:year/audit`);
  const { newest: set, current } = await newest(c, deps);
  const summary = set.summary as MpfSummary; // written by make-mpf
  const main = mpfReport(summary, {
    at: timeText(set.madeAt ?? new Date(0)),
    publication: set.publication,
    shown: current?.id === set.id,
  });
  const title = `Medicare Plan Finder ${summary.contract}, ${summary.year}: audit`;
  const trail = [html`<a href="/publications">Publications</a>`, ' › '];
  return reply(c, publicationPage(deps.config, { title, place: 'publications', main, trail }), 200, PAGE_HEADERS);
}

/** GET …/audit.csv and …/audit.json */
export async function mpfAuditFile(c: Context<FhirEnv>, deps: FileDeps, type: 'csv' | 'json'): Promise<Response> {
  route(c, `${MPF_PATH}/:contract/:year/audit.${type}`);
  const { newest: set } = await newest(c, deps);
  const file = (await filesOf(deps.database.sql, set.id)).find((f) => f.kind === 'report' && f.type === type);
  if (!file) throw new Outcome('not-found');
  const name = `mpf-audit-${set.key.replace('/', '-')}.${type}`;
  return sendFile(c, deps, file.name, FRESH, { 'content-disposition': `attachment; filename="${name}"` });
}

// GET /publications and /publications.json: what is published, where, and when the next is due.
import type { Context } from 'hono';
import { type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import type { FileDeps } from './publication-files.ts';
import { type Channel, channelSets, currentSet, type FileSet, filesOf } from './publish/file-set.ts';
import { PAGE_HEADERS, publicationPage } from './publish/frame.ts';
import { type Overview, overviewJson, overviewPage, type ShownSet } from './publish/overview.ts';
import { newestFull, nextDue, publications } from './publish/publication.ts';

const LISTED = 30;

async function readOverview(deps: FileDeps): Promise<Overview> {
  const { sql } = deps.database;
  const shown = async (set: FileSet | undefined): Promise<ShownSet | undefined> =>
    set && { set, files: await filesOf(sql, set.id) };
  const current = async (channel: Channel) => shown(await currentSet(sql, channel, ''));
  const full = await newestFull(sql);
  const mpf = await channelSets(sql, 'mpf');
  return {
    baseUrl: deps.config.baseUrl,
    every: deps.config.publishEvery,
    nextDue: await nextDue(sql),
    publications: await publications(sql, LISTED),
    full: full?.fullSet == null ? undefined : { publication: full, files: await filesOf(sql, full.fullSet) },
    mpf: await Promise.all(mpf.map(async (m) => ({ ...m, current: await shown(m.current) }))),
    qhp: await current('qhp'),
    index: await current('index'),
  };
}

export async function publicationsPage(c: Context<FhirEnv>, deps: FileDeps): Promise<Response> {
  route(c, '/publications');
  const main = overviewPage(await readOverview(deps));
  return reply(
    c,
    publicationPage(deps.config, { title: 'Publications', place: 'publications', main }),
    200,
    PAGE_HEADERS,
  );
}

export async function publicationsJson(c: Context<FhirEnv>, deps: FileDeps): Promise<Response> {
  route(c, '/publications.json');
  const body = `${JSON.stringify(overviewJson(await readOverview(deps)), null, 2)}\n`;
  return reply(c, body, 200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=60' });
}

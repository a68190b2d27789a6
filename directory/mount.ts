// Routes of the directory in the app of a node: FHIR API, pages, the view of all directories and the pages of attestation.

import { compressed } from '../src/http/compressed.ts';
import type { Mount } from '../src/runtime/node-http.ts';
import { text } from '../src/runtime/node-http.ts';
import { createFederation } from './federation/app.ts';
import { createAttestPages } from './federation/attest/pages.ts';
import { isOurCrawl, LOOP } from './federation/via.ts';
import { createSite } from './site.ts';
import { workOf } from './work.ts';

export const mountDirectory: Mount = (app, { node, local, peer }) => {
  // one limit of concurrent work for both, as they ask one database
  const work = workOf(node.directory.config);
  const site = createSite(node.directory, { work, peer });
  const federation = createFederation(node.directory, { work, peer });
  app.use('/directory/*', async (c, next) =>
    isOurCrawl(c.req.header('via'), node.config) ? text(LOOP.text, LOOP.status) : next(),
  );
  app.all('/attest/*', local(createAttestPages(node.deps)));
  for (const path of ['/directory/all/*', '/all', '/all/*']) app.all(path, compressed, local(federation));
  app.all('*', compressed, local(site));
};

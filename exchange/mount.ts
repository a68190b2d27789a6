// Routes of the exchange in the app of a node: FHIR API, authorization server, discovery, and the member's page.
import type { Mount } from '../src/runtime/node-http.ts';
import { createExchange } from './app.ts';
import { createMemberPages } from './members/consent/member-page.ts';

export const mountExchange: Mount = (app, { node, local, addressOf }, isRoot) => {
  const exchange = local(createExchange(node.exchange, addressOf));
  app.all('/my/*', local(createMemberPages(node.deps)));
  for (const path of ['/exchange/*', '/openapi.json']) app.all(path, exchange);
  for (const path of ['smart-configuration', 'oauth-authorization-server/exchange/auth', 'udap'])
    app.all(`/.well-known/${path}`, exchange);
  if (isRoot) app.all('*', exchange);
};

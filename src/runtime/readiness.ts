// What a person sees when a node is up: what runs where, and one thing to try.
import type { Config } from '../config.ts';
import type { Listening, Services } from './node-http.ts';
import type { OpenNode } from './open-node.ts';
import { toSet } from './to-set.ts';

export type Ready = {
  config: Config;
  node: OpenNode;
  services: Services;
  main: Listening;
  prior: Listening | undefined;
  account: { user: string; password: string } | undefined;
};

/** Prints the readiness list. */
export function printReadiness(r: Ready, say: (line: string) => void): void {
  const { baseUrl } = r.config;
  const row = (name: string, value: string) => say(`  ${name.padEnd(12)} ${value}`);
  say('');
  say(`Payer Node is ready${r.config.sandbox ? ' (sandbox: every person, place and record is invented)' : ''}`);
  if (r.services !== 'exchange') {
    row('find care', `${baseUrl}/`);
    row('directory', `${baseUrl}/directory/fhir`);
    row('for apps', `${baseUrl}/developers`);
    row('files', `${baseUrl}/publications`);
  }
  if (r.services !== 'directory') {
    row('exchange', `${baseUrl}/exchange/fhir`);
    row('for payers', `${baseUrl}/exchange/docs   ${baseUrl}/openapi.json`);
    row('staff', `${baseUrl}/staff`);
    if (r.account) row('', `user ${r.account.user}, password ${r.account.password}`);
  }
  if (r.prior) row('prior payer', `http://localhost:${r.prior.port}/exchange/fhir  (demo, in this process)`);
  row('database', r.config.databaseUrl === undefined ? `embedded PostgreSQL in ${r.config.dataDir}` : 'DATABASE_URL');
  row('health', `${baseUrl}/readyz   ${baseUrl}/metrics`);
  if (r.services !== 'exchange') row('try', `curl '${baseUrl}/directory/fhir/Practitioner?_count=2'`);
  for (const [i, sentence] of toSet(r.config, r.services).entries()) row(i === 0 ? 'to set' : '', sentence);
  say('');
}

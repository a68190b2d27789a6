// `harvest import-endpoints`: the registry out of Endpoint resources.

import type { Resource } from '../../src/fhir/resource.ts';
import { readImport } from '../../src/import/read-import.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { type Half, ownerFrom, readEndpoint, type Unused } from '../federation/endpoint-file.ts';
import type { Owner, Seeded } from '../federation/payer-index-file.ts';
import { importSeeded } from '../federation/registry.ts';

const UNUSED: Record<Unused, string> = {
  'not-active': 'not active',
  'not-fhir': 'no FHIR over HTTP',
  'no-address': 'without an address',
  'not-about-payers': 'do not say that they are a provider directory or serve payers (see --all-are)',
};

/** Files of Endpoint and Organization resources: NDJSON, Bundles, folders of them. What is found begins paused. */
export async function harvestImportEndpoints(paths: string[], options: { allAre?: Half }): Promise<void> {
  const endpoints: Resource[] = [];
  const owners = new Map<string, Owner>();
  const counts = { faults: 0, others: 0 };
  for await (const entry of readImport(paths)) {
    if ('fault' in entry) counts.faults++;
    else if (entry.resource?.resourceType === 'Endpoint') endpoints.push(entry.resource);
    else if (entry.resource?.resourceType === 'Organization') {
      const owner = ownerFrom(entry.resource);
      if (owner) owners.set(`Organization/${String(entry.resource['id'])}`, owner);
    } else counts.others++;
  }
  const ownerOf = (reference: string) => owners.get(/Organization\/[A-Za-z0-9\-.]{1,64}/.exec(reference)?.[0] ?? '');
  const seeded: Seeded[] = [];
  const unused = new Map<Unused, number>();
  for (const endpoint of endpoints) {
    const read = readEndpoint(endpoint, ownerOf, options.allAre);
    if ('unused' in read) unused.set(read.unused, (unused.get(read.unused) ?? 0) + 1);
    else seeded.push(read);
  }
  say(`${endpoints.length} endpoints and ${owners.size} organizations read.`);
  for (const [reason, n] of unused) say(`${n} endpoints not used: ${UNUSED[reason]}.`);
  if (counts.faults > 0) say(`${counts.faults} lines could not be read.`);
  if (seeded.length === 0) throw new CommandFault('No endpoint of a payer was found in these files.');
  await withNode(async ({ deps }) => {
    const { added, joined, kept } = await importSeeded(deps, seeded, 'endpoint', person());
    say(`${added.length} directories added, paused until you release them: payer-node harvest resume SLUG`);
    for (const slug of added) say(`  ${slug}`);
    if (joined.length > 0) say(`${joined.length} addresses belong to directories that were known already.`);
    for (const k of kept.slice(0, 20)) say(`not harvested: ${k.url} of ${k.name} (${k.kind})`);
  });
}

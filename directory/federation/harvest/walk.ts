// Rung 8, for peers that list nothing without a search: practitioners that we know by NPI are asked for, then their roles,
// then what the roles name. Never whole, so nothing is ever taken for gone.
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { referenceId } from '../../../src/fhir/reference.ts';
import { extensions, objects, type Resource, strings, text } from '../../../src/fhir/resource.ts';
import { type DirectoryType, PLAN_NET } from '../../../src/fhir/search/types.ts';
import { bundleEntries } from '../../../src/import/bundle.ts';
import { readBundle } from '../client.ts';
import { knownNpis } from '../known.ts';
import { HarvestFault } from '../reasons.ts';
import { beginRung, endRung, type Harvest } from './context.ts';

const BATCH = 50;
const IDS = 25;

const WALKED: readonly DirectoryType[] = [
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'HealthcareService',
];

/** Walks through all NPIs of our own directory. */
export async function walk(h: Harvest): Promise<void> {
  for (const type of WALKED) await beginRung(h, type, 8);
  for (;;) {
    const npis = await knownNpis(h.deps.database.sql, h.position.walked ?? '', BATCH);
    if (npis.length === 0) break;
    const wanted = new Map<DirectoryType, Set<string>>();
    for (const npi of npis) await walkOne(h, npi, wanted);
    for (const [type, ids] of wanted) {
      const all = [...ids];
      for (let i = 0; i < all.length; i += IDS)
        await take(
          h,
          type,
          `_id=${all
            .slice(i, i + IDS)
            .map(encodeURIComponent)
            .join(',')}`,
        );
    }
    h.position.walked = npis.at(-1) ?? '';
    await h.stage.flush();
  }
  for (const type of WALKED) await endRung(h, type, { complete: false, reason: 'walk-incomplete' });
}

async function walkOne(h: Harvest, npi: string, wanted: Map<DirectoryType, Set<string>>): Promise<void> {
  for (const practitioner of await take(
    h,
    'Practitioner',
    `identifier=${encodeURIComponent(`${NPI_SYSTEM}|${npi}`)}`,
  )) {
    const id = text(practitioner['id']);
    if (id === undefined) continue;
    for (const role of await take(h, 'PractitionerRole', `practitioner=${encodeURIComponent(id)}`)) {
      want(wanted, 'Organization', [
        role['organization'],
        ...extensions(role, `${PLAN_NET}/StructureDefinition/network-reference`).map((e) => e['valueReference']),
      ]);
      want(wanted, 'Location', objects(role['location']));
      want(wanted, 'HealthcareService', objects(role['healthcareService']));
    }
  }
}

function want(wanted: Map<DirectoryType, Set<string>>, type: DirectoryType, references: readonly unknown[]): void {
  const held = wanted.get(type) ?? new Set();
  for (const r of objects(references as never))
    for (const reference of strings(r['reference'])) {
      const id = referenceId(reference, type);
      if (id !== undefined) held.add(id);
    }
  wanted.set(type, held);
}

/** One question, its entries staged. A parameter that the peer does not take is no reason to stop. */
async function take(h: Harvest, type: DirectoryType, query: string): Promise<Resource[]> {
  try {
    const answer = await h.client.json(`${h.peer.base}/${type}?${query}`);
    const found: Resource[] = [];
    for (const entry of bundleEntries(answer.text, readBundle(answer)))
      if (!('fault' in entry) && entry.resource?.resourceType === type) {
        h.stage.add(type, entry.text, entry.resource);
        found.push(entry.resource);
      }
    return found;
  } catch (error) {
    if (error instanceof HarvestFault && error.kind === 'unsupported') {
      h.stage.count(type, 'not-answered');
      return [];
    }
    throw error;
  }
}

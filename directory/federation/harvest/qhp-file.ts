// Files of the Marketplace (QHP providers.json, plans.json) as records of a peer: arrays of providers and plans that become the
// Plan-Net resources which `import directory` makes of them. publication.md 7.
import { isObject, type Json, type JsonObject, type Resource, text } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType } from '../../../src/fhir/search/types.ts';
import { organization } from '../../../src/import/plan/build.ts';
import { type QhpSets, qhpPlan, qhpProvider, qhpRest, qhpSets } from '../../../src/import/plan/qhp-record.ts';

/** `none`: a record that is as it should be and cannot be expressed. `damaged`: the types that are not whole because of it. */
export type QhpRead =
  | { type: DirectoryType; resource: Resource }
  | { none: 'no-npi' | 'no-network'; type: DirectoryType }
  | { damaged: readonly DirectoryType[] };

const PERSON: readonly DirectoryType[] = ['Practitioner', 'PractitionerRole', 'Location'];
const GROUP: readonly DirectoryType[] = ['Organization', 'OrganizationAffiliation', 'HealthcareService', 'Location'];
const PLAN: readonly DirectoryType[] = ['InsurancePlan', 'Organization'];
/** Resources that speak of one provider only; places and networks are shared, and have no date of their own. */
const DATED = new Set<string>([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'OrganizationAffiliation',
  'HealthcareService',
]);
/** Places lately made: every provider of a practice repeats them. */
const RECENT = 20_000;

/** Reads the records of all files of one index; plans and networks are known when all have been read. */
export class QhpReader {
  readonly #sets: QhpSets = qhpSets();
  readonly #recent = new Set<string>();
  readonly #payer: string;
  /** @param payer its name */
  constructor(payer: string) {
    this.#payer = payer;
  }

  *read(record: Json): Generator<QhpRead> {
    if (!isObject(record)) yield { damaged: DIRECTORY_TYPES };
    else if ('npi' in record) yield* this.#provider(record);
    else if ('plan_id' in record && !('rxnorm_id' in record)) {
      if (qhpPlan(record, this.#sets).refused) yield { damaged: PLAN };
    } else yield { damaged: DIRECTORY_TYPES };
  }

  *#provider(record: JsonObject): Generator<QhpRead> {
    const isPerson = text(record['type'])?.trim().toUpperCase() === 'INDIVIDUAL';
    if ((record['npi'] ?? '') === '') {
      yield { none: 'no-npi', type: isPerson ? 'Practitioner' : 'Organization' };
      return;
    }
    const made = qhpProvider(record, this.#sets);
    if (made.refused) yield { damaged: isPerson ? PERSON : GROUP };
    const day = text(record['last_updated_on']);
    for (const resource of made.resources) {
      if (day !== undefined && /^\d{4}-\d\d-\d\d$/.test(day) && DATED.has(resource.resourceType))
        resource['meta'] = { ...(resource['meta'] as JsonObject), lastUpdated: `${day}T00:00:00Z` };
      yield* this.#resource(resource);
    }
  }

  /** Networks and plans, and the payer whose they are. */
  *rest(): Generator<QhpRead> {
    yield* this.#resource(organization({ id: 'payer', name: this.#payer, type: 'payer' }));
    for (const { resource } of qhpRest(this.#sets))
      if (resource === undefined) yield { none: 'no-network', type: 'InsurancePlan' };
      else yield* this.#resource(resource);
  }

  *#resource(resource: Resource): Generator<QhpRead> {
    const type = resource.resourceType;
    if (!isDirectoryType(type)) return;
    if (type === 'Location') {
      const content = JSON.stringify(resource);
      if (this.#recent.has(content)) return;
      if (this.#recent.size >= RECENT) this.#recent.clear();
      this.#recent.add(content);
    }
    yield { type, resource };
  }
}

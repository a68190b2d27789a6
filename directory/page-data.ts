// The data of the pages: the same searches, reads and answers as the API, as plain objects. Nothing of a question is kept.

import { storeFailure } from '../src/db/failure.ts';
import type { Deps } from '../src/deps.ts';
import { ESTIMATED_TOTAL } from '../src/fhir/bundle.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { ID_PATTERN, isObject, isResource, objects, type Resource, text } from '../src/fhir/resource.ts';
import { zipCentre, zipsLike } from '../src/fhir/search/zip.ts';
import { answerQuestion } from './in-network/answer.ts';
import { keyOf } from './in-network/decide.ts';
import { keysIn, titleOf } from './in-network/evidence.ts';
import { readQuestion } from './in-network/question.ts';
import type { Found, Hit, PageData, PlanChoice, PlanList } from './pages/data.ts';
import { type Trying, trying } from './pages/retry-limit.ts';
import type { Beside } from './rendering.ts';
import { addressLogical } from './resource/logical-targets.ts';
import { readResource, readState } from './resource/resource.ts';
import { TOTAL_EXACT } from './search/search.ts';
import { findBundle, type SearchDeps } from './search/search-type.ts';

/** More plans than these do not fit into a list to choose from; the page then asks for a name. */
const PLANS_MAX = 300;

/** Plans as of a change of the directory. */
export type PlanCache = { change: string; list: PlanList } | undefined;

export function pageData(
  deps: SearchDeps & Pick<Deps, 'keys'>,
  cache: { plans: PlanCache } = { plans: undefined },
): PageData {
  return dataOf(deps, { cache, trying: trying() });
}

/** What pages share. */
type Shared = { cache: { plans: PlanCache }; trying: Trying };

function dataOf(
  deps: SearchDeps & Pick<Deps, 'keys'>,
  shared: Shared,
  isGone?: () => boolean,
  beside: Beside = (work) => work(),
): PageData {
  const { sql } = deps.database;
  const { cache } = shared;
  // those of one page have one time together
  const own = isGone && deps.work.deadline(isGone);
  const short = <T>(work: () => Promise<T>): Promise<T> => beside(() => deps.work.short(work, isGone));
  const search: PageData['search'] = async (type, pairs) => {
    try {
      const found = foundIn(await beside(() => findBundle(type, pairs, deps, own)));
      await addressLogical(sql, found.all.values());
      return found;
    } catch (error) {
      throw storeFailure(error) ?? error;
    }
  };
  const state: PageData['state'] = async () => {
    const { change, changedAt, counts } = await short(() => readState(sql));
    return { change: String(change), changedAt, resources: Number(counts.reduce((a, b) => a + b, 0n)) };
  };
  return {
    config: deps.config,
    clock: deps.clock,
    base: deps.base,
    search,
    state,
    async read(key) {
      const [, id = ''] = key.split('/');
      const found = ID_PATTERN.test(id) ? await short(() => readResource(sql, key)) : undefined;
      if (!found) throw new Outcome('not-found');
      if (found.deleted) throw new Outcome('gone');
      const resource = resourceOf(JSON.parse(new TextDecoder().decode(found.body)));
      await addressLogical(sql, [resource]);
      return resource;
    },
    inNetwork: (pairs) => short(() => answerQuestion(readQuestion(pairs, deps.base, deps.clock()), deps)),
    async plans() {
      const { change } = await state();
      if (cache.plans?.change === change) return cache.plans.list;
      const list = await readPlans(search, deps);
      cache.plans = { change, list };
      return list;
    },
    keys: () => deps.keys.published('directory'),
    zip: (zip) => zipCentre(zip),
    zipsLike,
    trying: shared.trying,
    forPage: (gone, waiting) => dataOf(deps, shared, gone, waiting),
  };
}

async function readPlans(search: PageData['search'], deps: SearchDeps): Promise<PlanList> {
  const count = String(Math.min(PLANS_MAX, deps.config.directoryCountMax));
  const [plans, networks] = await Promise.all([
    search('InsurancePlan', [['_count', count]]),
    search('Organization', [
      ['type', 'ntwk'],
      ['_count', count],
    ]),
  ]);
  const choice = ({ resource }: Hit): PlanChoice => ({
    key: keyOf(resource),
    name: titleOf(resource) || (text(resource['id']) ?? ''),
    networks: [
      ...keysIn(resource['network'], deps.base),
      ...objects(resource['plan']).flatMap((p) => keysIn(p['network'], deps.base)),
    ],
  });
  const byName = (a: PlanChoice, b: PlanChoice) => a.name.localeCompare(b.name, 'en', { numeric: true });
  return {
    plans: plans.hits.map(choice).sort(byName),
    networks: networks.hits.map(choice).sort(byName),
    whole: plans.next === undefined && networks.next === undefined,
  };
}

function resourceOf(value: unknown): Resource {
  if (!isResource(value)) throw new Error('The directory holds resources.');
  return value;
}

const DISTANCE = 'http://hl7.org/fhir/StructureDefinition/location-distance';

/** The parts of a searchset Bundle of ours. */
function foundIn(bytes: Uint8Array): Found {
  const bundle = resourceOf(JSON.parse(new TextDecoder().decode(bytes)));
  const hits: Hit[] = [];
  const all = new Map<string, Resource>();
  for (const entry of objects(bundle['entry'])) {
    const search = isObject(entry['search']) ? entry['search'] : {};
    if (search['mode'] === 'outcome') continue;
    const resource = resourceOf(entry['resource']);
    all.set(keyOf(resource), resource);
    if (search['mode'] !== 'match') continue;
    const distance = objects(search['extension']).find((e) => e['url'] === DISTANCE)?.['valueDistance'];
    const given = isObject(distance) ? distance : {};
    hits.push({
      resource,
      distance:
        typeof given['value'] === 'number' ? { value: given['value'], unit: text(given['unit']) ?? '' } : undefined,
    });
  }
  const next = objects(bundle['link']).find((k) => k['relation'] === 'next')?.['url'];
  const marks = objects(isObject(bundle['_total']) ? bundle['_total']['extension'] : undefined);
  const reported = typeof bundle['total'] === 'number' ? bundle['total'] : undefined;
  const exact = reported !== undefined && !marks.some((e) => e['url'] === ESTIMATED_TOTAL);
  return {
    hits,
    all,
    // an estimate may be twice what there is: people see only what is certain
    total: exact || reported === undefined ? reported : reported > TOTAL_EXACT ? TOTAL_EXACT : undefined,
    exact,
    next: typeof next === 'string' ? (new URL(next).searchParams.get('_cursor') ?? undefined) : undefined,
  };
}

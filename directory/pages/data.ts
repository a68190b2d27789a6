// What the pages ask for. The functions are given to them; where the data comes from is not theirs to know.
import type { JWK } from 'jose';
import { localDay } from '../../src/calendar/federal.ts';
import type { Config } from '../../src/config.ts';
import type { Clock } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import type { Answer } from '../in-network/parameters.ts';
import type { Beside } from '../rendering.ts';
import type { Position } from './records.ts';
import type { Trying } from './retry-limit.ts';

export type Pairs = readonly (readonly [string, string])[];

export type Hit = { resource: Resource; distance: { value: number; unit: string } | undefined };

/** A page of a search, as the API answers it. */
export type Found = {
  hits: Hit[];
  /** included resources and hits by `Type/id` */
  all: ReadonlyMap<string, Resource>;
  total: number | undefined;
  /** false: there are more than `total`, or than are shown where that is not known either */
  exact: boolean;
  /** position of the next page */
  next: string | undefined;
};

export type PageData = {
  config: Pick<
    Config,
    'planName' | 'baseUrl' | 'sandbox' | 'timeZone' | 'directoryRatePerMinute' | 'trustedProxies' | 'directoryCountMax'
  >;
  clock: Clock;
  /** public FHIR base */
  base: string;
  /** @throws Outcome as the API, also when the database does not answer in time */
  search(type: DirectoryType, pairs: Pairs): Promise<Found>;
  /** @throws Outcome not-found or gone */
  read(key: string): Promise<Resource>;
  /** @throws Outcome as $in-network */
  inNetwork(pairs: Pairs): Promise<Answer>;
  /** the plans and networks of the directory, remembered until it changes */
  plans(): Promise<PlanList>;
  /** when the directory last changed */
  state(): Promise<{ change: string; changedAt: Date | undefined; resources: number }>;
  keys(): Promise<JWK[]>;
  /** centre of a ZIP code; undefined when there is no such code */
  zip(zip: string): Position | undefined;
  /** places of pages that try what else would find someone */
  trying: Trying;
  /** codes like one that is not known, the nearest by number first */
  zipsLike(zip: string): string[];
  /**
   * The same for one page, whose searches have one time together.
   * @param isGone no one waits for the page any more
   * @param beside does what waits
   */
  forPage(isGone: () => boolean, beside: Beside): PageData;
};

/** The day where the plan is, which its readers mean by today; in the evening it is another one than that of UTC. */
export const todayOf = (data: Pick<PageData, 'clock' | 'config'>): string =>
  localDay(data.clock(), data.config.timeZone);

export type PlanChoice = { key: string; name: string; networks: string[] };
/** `whole` is false when there are more than a list can hold. */
export type PlanList = { plans: PlanChoice[]; networks: PlanChoice[]; whole: boolean };

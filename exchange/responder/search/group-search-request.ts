// A search for Groups as plain data: the parameters that PDex asks of a payer. Pure. Which peer asks is no parameter.
// http://hl7.org/fhir/us/davinci-pdex/CapabilityStatement/pdex-payer-access-server

import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { ID_PATTERN } from '../../../src/fhir/resource.ts';
import { readToken, split, unescaped } from '../../../src/fhir/search/values.ts';
import { type Bucket, RESULT_SYSTEM } from '../match/groups.ts';
import { asksNumber, readCount } from './member-search-request.ts';

export type GroupSearch = {
  ids: string[] | undefined;
  codes: Bucket[] | undefined;
  /** jobs whose Groups are asked for */
  batches: string[] | undefined;
  count: number;
  /** only how many there are is asked */
  isCounted: boolean;
  /** id of the last Group of the page before */
  after: string | undefined;
  /** what was understood, for links */
  applied: [string, string][];
};

const COUNT_DEFAULT = 20;
const IGNORED = new Set(['_format', '_pretty', '_total']);
const BUCKETS: readonly Bucket[] = ['match', 'nomatch', 'consentconstraint'];

const tokensOf = (value: string) => split(value, ',').map(readToken);
/** Codes of the result of a match, as a Group carries them. */
const bucketsOf = (value: string): Bucket[] =>
  tokensOf(value).flatMap((t) =>
    BUCKETS.filter((b) => (t.system === undefined || t.system === RESULT_SYSTEM) && (t.code === b || t.code === '')),
  );
const both = <T>(before: T[] | undefined, more: T[]): T[] => (before ? before.filter((b) => more.includes(b)) : more);

type About = { npi: string | null; batchSystem: string; lenient: boolean };
type Reader = (search: GroupSearch, value: string, about: About) => void;
/** Groups of a match have one characteristic: that they are one, and for whom. */
const ofMatch = (search: GroupSearch, fits: boolean) => {
  search.codes = both(search.codes, fits ? ['match'] : []);
};

export const GROUP_PARAMETERS: Readonly<Record<string, { type: 'token' | 'reference'; definition: string }>> = {
  _id: { type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Resource-id' },
  identifier: { type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Group-identifier' },
  code: { type: 'token', definition: 'http://hl7.org/fhir/us/davinci-pdex/SearchParameter/group-code' },
  characteristic: { type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Group-characteristic' },
  'characteristic-value-reference': {
    type: 'reference',
    definition: 'http://hl7.org/fhir/us/davinci-pdex/SearchParameter/pdex-group-characteristic-value-reference',
  },
};

const READERS: Readonly<Record<string, Reader>> = {
  _id: (search, value) => {
    search.ids = both(
      search.ids,
      split(value, ',')
        .map(unescaped)
        .filter((id) => ID_PATTERN.test(id)),
    );
  },
  identifier: (search, value, { batchSystem }) => {
    const batches = tokensOf(value).filter((t) => t.system === undefined || t.system === batchSystem);
    search.batches = both(
      search.batches,
      batches.map((t) => t.code),
    );
  },
  code: (search, value) => {
    search.codes = both(search.codes, bucketsOf(value));
  },
  characteristic: (search, value) => ofMatch(search, bucketsOf(value).includes('match')),
  'characteristic-value-reference:identifier': (search, value, { npi }) =>
    ofMatch(
      search,
      tokensOf(value).some(
        (t) => (t.system === undefined || t.system === NPI_SYSTEM) && npi !== null && t.code === npi,
      ),
    ),
  // the payer is named by its identifier, never by an id of ours: a plain reference names no one
  'characteristic-value-reference': (search) => ofMatch(search, false),
  _count: (search, value) => {
    search.count = readCount(value);
  },
  _page: (search, value) => {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(value)) throw new Outcome('bad-cursor');
    search.after = value;
  },
};

/** @throws Outcome for a parameter that is not understood, unless the client is lenient */
export function readGroupSearch(query: Iterable<[string, string]>, about: About): GroupSearch {
  const search: GroupSearch = {
    ids: undefined,
    codes: undefined,
    batches: undefined,
    count: COUNT_DEFAULT,
    isCounted: false,
    after: undefined,
    applied: [],
  };
  for (const [name, value] of query) {
    if (IGNORED.has(name)) continue;
    if (asksNumber(name, value)) {
      search.isCounted = true;
      search.applied.push([name, value]);
      continue;
    }
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read && about.lenient) continue;
    if (!read)
      throw new Outcome(
        'unknown-parameter',
        `Group can be searched by ${Object.keys(GROUP_PARAMETERS).join(', ')} (the last as :identifier).`,
      );
    read(search, value, about);
    if (name !== '_page') search.applied.push([name, value]);
  }
  return search;
}

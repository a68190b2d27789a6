// What is measured of a peer's server (probe.ts), in words.

type Words = Readonly<Record<string, string>>;
type Fact = { label: string; values?: Words };

const WORKS: Words = { works: 'works', ignored: 'is ignored', error: 'is answered with an error' };
/** How NPIs are marked, by the numbers of `npi.ts`. */
const NPI_STYLES: Words = {
  '1': 'by the system of NPIs',
  '2': 'by the system of the federal terminology',
  '3': 'by the type alone',
  '4': 'by CMS as assigner alone',
};

export const FACTS = {
  metadata: { label: 'CapabilityStatement', values: { none: 'is not served', served: 'is served' } },
  'fhir-version': { label: 'FHIR version', values: { none: 'is not stated' } },
  'clock-offset': { label: 'Seconds that its clock is ahead of ours' },
  'claims-operations': { label: 'Operations that it claims' },
  'claims-parameters': { label: 'Search parameters that it claims' },
  'bare-search': { label: 'Search without a parameter', values: { refused: 'is refused' } },
  enumerates: {
    label: 'Lists all it has',
    values: { 'no-type': 'no: the type is not served', empty: 'yes, and has none' },
  },
  count: { label: 'Size of a page (_count)', values: { honoured: 'as asked' } },
  total: {
    label: 'Number of all (total)',
    values: { absent: 'is not stated', page: 'is that of the page', honest: 'is right' },
  },
  'last-updated': { label: 'Search by time of change (_lastUpdated)', values: WORKS },
  'sort-last-updated': { label: 'Order by time of change', values: { ...WORKS, honoured: 'as asked' } },
  'search-id': { label: 'Search by id (_id)', values: WORKS },
  'search-identifier': { label: 'Search by NPI (identifier)', values: WORKS },
  'unknown-parameter': { label: 'A parameter that does not exist', values: { ...WORKS, refused: 'is refused' } },
  history: { label: 'History of the type', values: { ...WORKS, none: 'is not served' } },
  'same-page-twice': {
    label: 'The same page, asked for twice',
    values: {
      equal: 'is the same',
      restamped: 'has the same records with other contents',
      reordered: 'has other records, or another order',
      error: 'is answered with an error',
    },
  },
  'npi-style': { label: 'How NPIs are marked', values: NPI_STYLES },
  placeholders: { label: 'Placeholders among the samples' },
  'bulk-publish': { label: 'Files of everything ($bulk-publish)', values: { ...WORKS, none: 'are not served' } },
  'bulk-etag': { label: 'Asked for again, if changed', values: { '304': 'says that nothing has changed (304)' } },
  'file-index': { label: 'Index of provider files', values: { ...WORKS, none: 'is not served' } },
} as const satisfies Record<string, Fact>;
export type FactName = keyof typeof FACTS;

const factOf = (name: string): Fact | undefined => (Object.hasOwn(FACTS, name) ? FACTS[name as FactName] : undefined);

/** The name and the value of a fact, as a person reads them; one that an older version measured stays as it is. */
export function factWords(name: string, value: string): { label: string; value: string } {
  const fact = factOf(name);
  const several = fact?.values === NPI_STYLES ? value.split(' ') : [value];
  return { label: fact?.label ?? name, value: several.map((v) => fact?.values?.[v] ?? v).join('; ') };
}

// What a peer speaks, judged from its CapabilityStatement, and how it is therefore asked. Pure. What an answer teaches later
// (an operation that is named and not there) is kept beside it, with its date, on the peer's record.
import { RECORD_TYPES } from '../../records/facts/record-types.ts';

/** How members are found: a batch, one by one ($member-match), or among the Patients that our client may see. */
export type MatchForm = 'bulk' | 'single' | 'patients';
/**
 * How their records are asked for. `davinci`: Group/$davinci-data-export · `group`: Group/$export · `patient`:
 * Patient/$export with the members named · `all`: Patient/$export of everybody our client may see, when the peer's record
 * allows it · `everything`: Patient/ID/$everything · `search`: one search a type.
 */
export type FetchForm = 'davinci' | 'group' | 'patient' | 'all' | 'everything' | 'search';

export type Abilities = {
  match: MatchForm;
  fetch: FetchForm;
  /** version of the PDex guide that it names */
  pdex: string | null;
  /** operations are asked by GET: it refused POST */
  byGet: boolean;
  /** Patients can be searched by identifier */
  findsByIdentifier: boolean;
  /** types that can be searched by patient */
  searchTypes: string[];
  /** `_revinclude=Provenance:target` is offered */
  revincludes: boolean;
  /** `scopes_supported` */
  scopes: string[];
  /** of the two families that we sign in it takes RSA (RS384) alone */
  rsaOnly?: true;
  /** the forms that answer at once and that it offers, the first to be tried first */
  atOnce?: FetchForm[];
  /** what answers taught: `no:` a form that it does not speak after all */
  lacks: string[];
  /** of these, forms that it did not say itself that it lacks, with the instant since when it is taken to (learned.ts) */
  guesses?: Record<string, string>;
};

export type Statement = {
  operations: Readonly<Record<string, readonly string[]>>;
  systemOperations: readonly string[];
  guides: readonly string[];
  searchParams: Readonly<Record<string, readonly string[]>>;
  revincludes: boolean;
};

const FETCH_AFTER: Readonly<Record<MatchForm, readonly FetchForm[]>> = {
  bulk: ['davinci', 'group'],
  single: ['patient', 'everything', 'search'],
  patients: ['group', 'patient', 'all', 'everything', 'search'],
};

const FORMS: ReadonlySet<string> = new Set<MatchForm | FetchForm>([
  ...(['bulk', 'single', 'patients'] as const),
  ...(['davinci', 'group', 'patient', 'all', 'everything', 'search'] as const),
]);
/** Is it a form that a peer was found to lack, among what else it lacks? */
export const isForm = (lacking: string): boolean => FORMS.has(lacking);

const named = (list: readonly string[] | undefined, ...names: string[]): boolean =>
  (list ?? []).some((o) => names.some((n) => o === n || o === `$${n}` || o.split('|')[0]?.endsWith(`/${n}`)));

/** What of a form the statement offers. A statement that names no operation at all says nothing against PDex. */
function offers(
  s: Statement,
  record: { groupThere: string | null; sendsAll: boolean },
): Record<MatchForm | FetchForm, boolean> {
  const group = s.operations['Group'];
  const patient = s.operations['Patient'];
  const exportsPatients = named(patient, 'export', 'patient-export');
  const exportsGroups = named(group, 'export', 'group-export');
  const saysNothing = [...Object.values(s.operations).flat(), ...s.systemOperations].length === 0;
  return {
    bulk: saysNothing || named(group, 'bulk-member-match', 'BulkMemberMatch', 'multi-member-match'),
    single: named(patient, 'member-match'),
    patients: exportsPatients || exportsGroups || (s.searchParams['Patient'] ?? []).includes('identifier'),
    davinci: saysNothing || named(group, 'davinci-data-export'),
    group: exportsGroups,
    patient: exportsPatients,
    all: exportsPatients && record.sendsAll,
    everything: named(patient, 'everything', 'Patient-everything'),
    search: searchable(s).length > 0,
  };
}

const searchable = (s: Statement): string[] =>
  Object.keys(s.searchParams).filter(
    (type) => RECORD_TYPES[type]?.class === 'member' && type !== 'Patient' && s.searchParams[type]?.includes('patient'),
  );

/** The forms a peer is asked in: the first that it offers and has not been found to lack. */
export function negotiate(
  s: Statement,
  scopes: readonly string[],
  record: { groupThere: string | null; sendsAll: boolean },
  learned: Pick<Abilities, 'lacks' | 'byGet' | 'guesses'> = { lacks: [], byGet: false },
  algorithms: readonly string[] = [],
): Abilities {
  const offered = offers(s, record);
  const has = (form: MatchForm | FetchForm) => offered[form] && !learned.lacks.includes(form);
  const suits = (f: FetchForm, match: MatchForm) =>
    !learned.lacks.includes(f) &&
    (f !== 'group' || match === 'bulk' || record.groupThere !== null) &&
    (f !== 'all' || record.sendsAll);
  const fetchFor = (match: MatchForm): FetchForm | undefined =>
    FETCH_AFTER[match].find((f) => has(f) && suits(f, match));
  const order = ['bulk', 'single', 'patients'] as const;
  // what the statement does not name may be there all the same: it is tried last
  const match =
    order.find((m) => has(m) && fetchFor(m) !== undefined) ??
    order.find(has) ??
    order.find((m) => !learned.lacks.includes(m)) ??
    'bulk';
  const fetch = fetchFor(match) ?? FETCH_AFTER[match].find((f) => suits(f, match)) ?? 'everything';
  return {
    match,
    fetch,
    pdex:
      s.guides.map((g) => /davinci-pdex.*\|([0-9][0-9A-Za-z.-]{0,30})$/.exec(g)?.[1]).find((v) => v !== undefined) ??
      null,
    byGet: learned.byGet,
    findsByIdentifier: (s.searchParams['Patient'] ?? []).includes('identifier'),
    searchTypes: searchable(s),
    revincludes: s.revincludes,
    scopes: scopes.slice(0, 500),
    ...(algorithms.includes('RS384') && !algorithms.includes('ES384') ? { rsaOnly: true } : {}),
    atOnce: (['everything', 'search'] as const).filter(has),
    lacks: [...learned.lacks],
    ...(learned.guesses === undefined ? {} : { guesses: learned.guesses }),
  };
}

/** The form to fall back on when the peer turned out not to speak this one; undefined when there is none. */
export function withoutForm(a: Abilities, form: MatchForm | FetchForm): Abilities | undefined {
  const lacks = [...new Set([...a.lacks, form])];
  if (form === a.match) {
    const match = form === 'bulk' ? 'single' : form === 'single' ? 'patients' : undefined;
    if (match === undefined || lacks.includes(match)) return undefined;
    const fetch = FETCH_AFTER[match].find((f) => f !== 'group' && f !== 'all' && !lacks.includes(f));
    return fetch === undefined ? undefined : { ...a, match, fetch, lacks };
  }
  const forms = FETCH_AFTER[a.match];
  const fetch = forms
    .slice(forms.indexOf(a.fetch) + 1)
    .find((f) => f !== 'all' && (f !== 'group' || a.match === 'bulk') && !lacks.includes(f));
  return fetch === undefined ? undefined : { ...a, fetch, lacks };
}

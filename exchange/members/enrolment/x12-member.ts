// One member of an X12 834 file (005010X220A1): the loops that name member, coverage, dates and other coverage, as rows of the
// enrolment CSV. Social security numbers are never read. Pure.
import type { EnrolmentColumn } from './enrolment.ts';

export type Row834 = {
  /** number of the INS segment in the file, from 1 */
  line: number;
  values: Partial<Record<EnrolmentColumn, string>>;
  /** the coverage ends, and when it began is not said: of one that is known */
  isEnd?: true;
  /** the coverage is stated as it ends (024), with the day on which it began */
  isOver?: true;
  /** a drug or behavioral benefit: its end says nothing of the health plan beside it */
  isBeside?: true;
};

export type Options834 = {
  /** REF01 under which the member's own number stands; a subscriber without it has the subscriber number */
  memberRef: string;
  lob: string;
};

/** HD03 that are no health coverage: they take part in no exchange of histories. */
const NOT_HEALTH = new Set(['DEN', 'VIS', 'DCP', 'FAC', 'LTC', 'LTD', 'STD', 'UR', 'MM1', 'HE']);
/** HD03 of coverage beside a health plan: where both begin on one day, the plan is stated. */
const BESIDE = new Set(['PDG', 'MOD', 'AK']);
/** REF01 of the number that the member had before. */
const FORMER = 'Q4';
/** INS03 and HD01 that end a coverage, and that take it back as if it had never been. */
const ENDS = '024';
const DELETES = '002';
/** INS13 of restricted access. */
const RESTRICTED = 'R';

/**
 * `20270131` → `2027-01-31`, with a time behind it too (DT); of a range (RD8) its first or its last day; anything else
 * stays, so that the row is refused with its words.
 */
const day = (v: string, which: 'first' | 'last' = 'first'): string => {
  const range = /^(\d{8})-(\d{8})$/.exec(v);
  const one = (range ? (which === 'first' ? range[1] : range[2]) : v) ?? '';
  return one.replace(/^(\d{4})(\d\d)(\d\d)(?:\d{4}(?:\d\d)?)?$/, '$1-$2-$3');
};
const GENDERS: Readonly<Record<string, string>> = { M: 'male', F: 'female', U: 'unknown' };

type Coverage = { plan: string; starts: string; ends: string; kind: string; action: string };
type Other = { payer: string; number: string; starts: string; ends: string };
export type Member = {
  line: number;
  isSubscriber: boolean;
  /**
   * who may see the member's information is restricted (INS13): where to reach the member is not taken, as other payers
   * would be informed it
   */
  isRestricted: boolean;
  ends: boolean;
  refs: Map<string, string>;
  name: Map<string, string>;
  starts: string;
  over: string;
  values: Partial<Record<EnrolmentColumn, string>>;
  coverages: Coverage[];
  others: Other[];
  /** loop that the segments at hand belong to */
  at: 'member' | 'person' | 'elsewhere' | 'coverage' | 'other' | 'other-payer';
};

/** @param died INS12 (INS11 says D8), empty when the member is not said to have died @param confidentiality INS13 */
export const newMember = (
  line: number,
  indicator: string,
  maintenance: string,
  died = '',
  confidentiality = '',
): Member => ({
  line,
  isSubscriber: indicator === 'Y',
  isRestricted: confidentiality === RESTRICTED,
  ends: maintenance === ENDS,
  refs: new Map(),
  name: new Map(),
  starts: '',
  over: '',
  values: died === '' ? {} : { deceased: day(died) },
  coverages: [],
  others: [],
  at: 'member',
});

/** Takes one segment into the member at hand. */
export function take(m: Member, tag: string, e: (n: number) => string): void {
  const coverage = m.coverages.at(-1);
  const other = m.others.at(-1);
  switch (tag) {
    case 'REF':
      if (m.at === 'member') m.refs.set(e(1), e(2));
      else if (m.at === 'other' && other && other.number === '') other.number = e(2);
      return;
    case 'DTP':
      if (m.at === 'member' && e(1) === '356') m.starts = day(e(3));
      if (m.at === 'member' && e(1) === '357') m.over = day(e(3), 'last');
      if (m.at === 'coverage' && coverage && e(1) === '348') {
        coverage.starts = day(e(3));
        // a range says both
        if (e(2) === 'RD8' && coverage.ends === '') coverage.ends = day(e(3), 'last');
      }
      if (m.at === 'coverage' && coverage && e(1) === '349') coverage.ends = day(e(3), 'last');
      if (m.at === 'other' && other && e(1) === '344') other.starts = day(e(3));
      if (m.at === 'other' && other && e(1) === '345') other.ends = day(e(3), 'last');
      return;
    case 'NM1':
      if (e(1) === 'IL' || e(1) === '74') {
        m.at = 'person';
        m.values.family = [e(3), e(7)].filter(Boolean).join(' ');
        m.values.given = [e(4), e(5)].filter(Boolean).join(' ');
      } else if (e(1) === 'IN' && (m.at === 'other' || m.at === 'other-payer') && other) {
        m.at = 'other-payer';
        if (e(8) === 'XV' || e(8) === 'XX') other.payer = e(9);
        if (other.payer === '') other.payer = e(3);
      } else if (m.at !== 'coverage') m.at = 'elsewhere';
      return;
    case 'PER':
      if (m.at === 'person' && !m.isRestricted)
        for (const n of [3, 5, 7]) {
          if ((e(n) === 'HP' || e(n) === 'TE' || e(n) === 'CP') && !m.values.phone) m.values.phone = e(n + 1);
          if (e(n) === 'EM') m.values.email = e(n + 1);
        }
      return;
    case 'N3':
      if (m.at === 'person' && !m.isRestricted) m.values.address_line = [e(1), e(2)].filter(Boolean).join(' ');
      return;
    case 'N4':
      if (m.at !== 'person' || m.isRestricted) return;
      m.values.city = e(1);
      m.values.state = e(2);
      m.values.postal_code = e(3);
      return;
    case 'DMG':
      if (m.at !== 'person') return;
      m.values.birth_date = day(e(2));
      m.values.gender = GENDERS[e(3)] ?? 'unknown';
      return;
    case 'HD':
      m.at = 'coverage';
      m.coverages.push({ plan: e(4), starts: '', ends: '', kind: e(3), action: e(1) });
      return;
    case 'COB':
      m.at = 'other';
      m.others.push({ payer: '', number: e(2), starts: '', ends: '' });
      return;
    case 'LX':
    case 'LS':
      m.at = 'elsewhere';
      return;
    default:
  }
}

const NONE: Coverage = { plan: '', starts: '', ends: '', kind: '', action: '' };

/** What counts of the health coverages of a member: of those that begin on one day the plan, not what is beside it. */
const counted = (health: readonly Coverage[]): Coverage[] =>
  health.filter(
    (c) =>
      !BESIDE.has(c.kind) ||
      !health.some((o) => !BESIDE.has(o.kind) && o.action !== DELETES && (o.starts === c.starts || c.starts === '')),
  );

const BESIDE_ENDS =
  'A drug or behavioral benefit ends (024), and when it began is not said: whether the health plan of the member ends no one can tell.';

type Made = { row: Row834 } | { fault: string };
/** The numbers under which the member may be known. */
export const numbersOf = (m: Member, o: Options834): string[] =>
  [m.refs.get(o.memberRef), m.isSubscriber ? m.refs.get('0F') : undefined, m.refs.get(FORMER)].filter(
    (n) => n !== undefined,
  );

/** One row for each coverage and other payer of a member, at least one; or why there is none. */
export function rowsOf(m: Member, o: Options834): Made[] {
  const subscriber = m.refs.get('0F') ?? '';
  const own = m.refs.get(o.memberRef) ?? (m.isSubscriber ? subscriber : '');
  const health = counted(m.coverages.filter((c) => !NOT_HEALTH.has(c.kind)));
  if (m.coverages.length > 0 && health.length === 0) return [];
  if (own === '') return [{ fault: `A dependent without a member number: no REF*${o.memberRef}.` }];
  const others = m.others.length > 0 ? m.others : [undefined];
  const made = (c: Coverage): Made[] => {
    const [starts, ends] = [c.starts === '' ? m.starts : c.starts, c.ends === '' ? m.over : c.ends];
    if (c.action === DELETES)
      return [{ fault: 'The coverage is deleted (002): a person has to look whether it was ever one.' }];
    if ((m.ends || c.action === ENDS) && ends === '')
      return [{ fault: 'The coverage ends (024) and no end date is given.' }];
    if (starts === '' && c.action === ENDS && !m.ends && BESIDE.has(c.kind)) return [{ fault: BESIDE_ENDS }];
    if (starts === '' && ends === '')
      return [{ fault: 'No coverage begins or ends: nothing else of a member is taken over.' }];
    const values = {
      ...m.values,
      member_number: own,
      former_member_number: m.refs.get(FORMER) ?? '',
      subscriber_id: subscriber,
      coverage_end: ends,
    };
    if (starts === '')
      return others.map((other) => ({ row: { line: m.line, values: { ...values, ...asPrior(other) }, isEnd: true } }));
    return rowsOfCoverage(m, o, { ...c, starts, ends }, values, others);
  };
  return (health.length > 0 ? health : [NONE]).flatMap(made);
}

const asPrior = (other: Other | undefined): Row834['values'] =>
  other === undefined
    ? {}
    : {
        prior_payer: other.payer,
        prior_member_number: other.payer === '' ? '' : other.number,
        prior_coverage_start: other.starts,
        prior_coverage_end: other.ends,
      };

function rowsOfCoverage(
  m: Member,
  o: Options834,
  c: Coverage,
  values: Row834['values'],
  others: readonly (Other | undefined)[],
): Made[] {
  const over = m.ends || c.action === ENDS ? ({ isOver: true } as const) : {};
  const beside = BESIDE.has(c.kind) && !m.ends ? ({ isBeside: true } as const) : {};
  return others.map((other) => ({
    row: {
      line: m.line,
      ...over,
      ...beside,
      values: {
        ...values,
        plan: c.plan === '' ? (m.refs.get('1L') ?? '') : c.plan,
        coverage_start: c.starts,
        line_of_business: o.lob,
        ...asPrior(other),
      },
    },
  }));
}

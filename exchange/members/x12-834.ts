// Enrolment out of X12 834 files (005010X220A1): the loops that name member, coverage, dates and other coverage, as rows of the
// enrolment CSV. Segments are read by node-x12, one at a time. Social security numbers are never read.
import { createReadStream } from 'node:fs';
import { X12Parser, type X12Segment } from 'node-x12';
import { ImportFault } from '../../src/import/reject.ts';
import type { EnrolmentColumn } from './enrolment.ts';

export type Row834 = {
  /** number of the INS segment in the file, from 1 */
  line: number;
  values: Partial<Record<EnrolmentColumn, string>>;
};

export type Options834 = {
  /** REF01 under which the member's own number stands; a subscriber without it has the subscriber number */
  memberRef: string;
  lob: string;
};

/** HD03 that are no health coverage: they take part in no exchange of histories. */
const NOT_HEALTH = new Set(['DEN', 'VIS', 'DCP', 'FAC', 'LTC', 'LTD', 'STD', 'UR', 'MM1', 'HE']);
/** INS03 that end a coverage. */
const ENDS = '024';

/** `20270131` → `2027-01-31`; a range gives its first day; anything else stays, so that the row is refused with its words. */
const day = (v: string): string => v.replace(/^(\d{4})(\d\d)(\d\d)(-.*)?$/, '$1-$2-$3');
const GENDERS: Readonly<Record<string, string>> = { M: 'male', F: 'female', U: 'unknown' };

type Coverage = { plan: string; starts: string; ends: string; isHealth: boolean };
type Other = { payer: string; number: string; starts: string; ends: string };
type Member = {
  line: number;
  isSubscriber: boolean;
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

const newMember = (line: number, indicator: string, maintenance: string): Member => ({
  line,
  isSubscriber: indicator === 'Y',
  ends: maintenance === ENDS,
  refs: new Map(),
  name: new Map(),
  starts: '',
  over: '',
  values: {},
  coverages: [],
  others: [],
  at: 'member',
});

/** Takes one segment into the member at hand. */
function take(m: Member, tag: string, e: (n: number) => string): void {
  const coverage = m.coverages.at(-1);
  const other = m.others.at(-1);
  switch (tag) {
    case 'REF':
      if (m.at === 'member') m.refs.set(e(1), e(2));
      else if (m.at === 'other' && other && other.number === '') other.number = e(2);
      return;
    case 'DTP':
      if (m.at === 'member' && e(1) === '356') m.starts = day(e(3));
      if (m.at === 'member' && e(1) === '357') m.over = day(e(3));
      if (m.at === 'coverage' && coverage && e(1) === '348') coverage.starts = day(e(3));
      if (m.at === 'coverage' && coverage && e(1) === '349') coverage.ends = day(e(3));
      if (m.at === 'other' && other && e(1) === '344') other.starts = day(e(3));
      if (m.at === 'other' && other && e(1) === '345') other.ends = day(e(3));
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
      if (m.at === 'person')
        for (const n of [3, 5, 7]) {
          if ((e(n) === 'HP' || e(n) === 'TE' || e(n) === 'CP') && !m.values.phone) m.values.phone = e(n + 1);
          if (e(n) === 'EM') m.values.email = e(n + 1);
        }
      return;
    case 'N3':
      if (m.at === 'person') m.values.address_line = [e(1), e(2)].filter(Boolean).join(' ');
      return;
    case 'N4':
      if (m.at !== 'person') return;
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
      m.coverages.push({ plan: e(4), starts: '', ends: '', isHealth: !NOT_HEALTH.has(e(3)) });
      if (e(1) === ENDS) m.ends = true;
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

/** One row for each coverage and other payer of a member, at least one. */
function rowsOf(m: Member, o: Options834): Row834[] {
  const subscriber = m.refs.get('0F') ?? '';
  const own = m.refs.get(o.memberRef) ?? (m.isSubscriber ? subscriber : '');
  const health = m.coverages.filter((c) => c.isHealth);
  if (m.coverages.length > 0 && health.length === 0) return [];
  const coverages = health.length > 0 ? health : [{ plan: '', starts: '', ends: '', isHealth: true }];
  const others = m.others.length > 0 ? m.others : [undefined];
  return coverages.flatMap((c) =>
    others.map((other) => ({
      line: m.line,
      values: {
        ...m.values,
        member_number: own,
        subscriber_id: subscriber,
        plan: c.plan === '' ? (m.refs.get('1L') ?? '') : c.plan,
        coverage_start: c.starts === '' ? m.starts : c.starts,
        coverage_end: c.ends === '' ? m.over : c.ends,
        line_of_business: o.lob,
        ...(other === undefined
          ? {}
          : {
              prior_payer: other.payer,
              prior_member_number: other.payer === '' ? '' : other.number,
              prior_coverage_start: other.starts,
              prior_coverage_end: other.ends,
            }),
      },
    })),
  );
}

/** A termination without an end date says too little. */
const missingEnd = (m: Pick<Member, 'ends'>, values: Row834['values']): boolean =>
  m.ends && (values.coverage_end ?? '') === '';

/**
 * Rows of a file, in its order.
 * @param report told of members that cannot be taken, with the number of their INS segment
 * @throws ImportFault when the envelope is broken: no ISA, another transaction than 834, counts that differ, a cut end
 */
export async function* read834(
  path: string,
  options: Options834,
  report: (line: number, reason: string) => Promise<void> | void,
): AsyncGenerator<Row834> {
  const fault = (text: string) => new ImportFault(`${path}: ${text}`);
  let number = 0;
  let member: Member | undefined;
  let transaction: { control: string; from: number } | undefined;
  let envelope: 'none' | 'open' | 'closed' = 'none';
  const done = async function* (m: Member | undefined): AsyncGenerator<Row834> {
    for (const row of m === undefined ? [] : rowsOf(m, options))
      if (m && missingEnd(m, row.values)) await report(m.line, 'The coverage ends (024) and no end date is given.');
      else if ((row.values.member_number ?? '') === '')
        await report(row.line, `A dependent without a member number: no REF*${options.memberRef}.`);
      else yield row;
  };
  const parser = new X12Parser();
  const source = createReadStream(path);
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  for await (const segment of segmentsOf(parser, path)) {
    number++;
    const e = (n: number): string => (segment.elements[n - 1]?.value ?? '').trim();
    switch (segment.tag) {
      case 'ISA':
        envelope = 'open';
        break;
      case 'ST':
        if (e(1) !== '834') throw fault(`transaction ${e(1)} is no enrolment (834).`);
        transaction = { control: e(2), from: number };
        break;
      case 'SE': {
        yield* done(member);
        member = undefined;
        const counted = number - (transaction?.from ?? number) + 1;
        if (Number(e(1)) !== counted || e(2) !== transaction?.control)
          throw fault(`transaction ${e(2)} says ${e(1)} segments and has ${counted}: nothing after it was read.`);
        transaction = undefined;
        break;
      }
      case 'INS':
        yield* done(member);
        member = newMember(number, e(1), e(3));
        break;
      case 'IEA':
        envelope = 'closed';
        break;
      default:
        if (member && transaction) take(member, segment.tag, e);
    }
  }
  if (envelope === 'none') throw fault('no ISA segment: this is no X12 file.');
  if (envelope === 'open' || transaction) throw fault('the file ends before its IEA segment: it was cut off.');
}

/** @throws ImportFault when the file cannot be read */
async function* segmentsOf(parser: X12Parser, path: string): AsyncGenerator<X12Segment> {
  try {
    yield* parser as unknown as AsyncIterable<X12Segment>;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new ImportFault(`There is no file ${path}, or it cannot be read.`, { cause });
  }
}

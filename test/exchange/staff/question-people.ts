// The members of the plan that holds something for each question an auditor asks (plan-of-questions.ts).
import { idOf, type Person } from '../plan-fixture.ts';

export const ZONE = 'America/New_York';
/** An instant of the plan's clock; `offset` of that day. */
export const ny = (local: string, offset = '-05:00'): Date => new Date(`${local}${offset}`);
export const FORMULA = '=HYPERLINK("http://x.example","é, é")';

export type Enrolled = Person & { row?: Record<string, string> };
const opted = (payer: string, more: Record<string, string> = {}) => ({
  prior_payer: payer,
  opt_in: 'yes',
  opt_in_date: '2026-12-20',
  opt_in_policy: 'regular',
  ...more,
});
export const from = (coverage_start: string, more: Record<string, string> = {}) => ({ coverage_start, ...more });
const SCRIPTED = 'Scripted Plan';
export const BROKEN = 'Broken Plan';
export const WHO = {
  ana: { number: 'N1', family: 'Rivera', given: 'Ana', born: '1974-12-25', row: from('2026-01-01', opted(SCRIPTED)) },
  // the same name, another person; chooses on the member's page
  ana2: {
    number: 'N2',
    family: 'Rivera',
    given: 'Ana',
    born: '1991-03-03',
    row: from('2026-01-01', { prior_payer: SCRIPTED }),
  },
  ben: { number: 'N3', family: 'Okafor', given: 'Ben', born: '1980-02-03', row: from('2026-01-01', opted(SCRIPTED)) },
  eva: { number: 'N4', family: 'Nguyễn', given: 'Eva', born: '1966-06-06', row: from('2026-01-01', opted(SCRIPTED)) },
  fay: { number: 'N5', family: '=Cmd', given: 'Fay', born: '1955-05-05', row: from('2026-01-01', opted(BROKEN)) },
  // of March: at the first midnight, in the week of the change of clocks, and so on
  inTime: { number: 'M1', family: 'Early', given: 'Al', born: '1970-01-01', row: from('2027-03-01') },
  lastMinute: { number: 'M2', family: 'Edge', given: 'Bo', born: '1970-01-02', row: from('2027-03-10') },
  afterMidnight: { number: 'M3', family: 'Over', given: 'Cy', born: '1970-01-03', row: from('2027-03-10') },
  never: { number: 'M4', family: 'Never', given: 'Di', born: '1970-01-04', row: from('2027-03-01') },
  overSoon: {
    number: 'M5',
    family: 'Short',
    given: 'Ed',
    born: '1970-01-05',
    row: from('2027-03-02', { coverage_end: '2027-03-05' }),
  },
  accepted: {
    number: 'M6',
    family: 'Accept',
    given: 'Fi',
    born: '1970-01-06',
    row: from('2027-02-20', { accepted_on: '2027-03-03' }),
  },
  again: {
    number: 'M7',
    family: 'Again',
    given: 'Gu',
    born: '1970-01-07',
    row: from('2026-01-01', { coverage_end: '2026-10-31' }),
  },
  returned: { number: 'M8', family: 'Returned', given: 'Hy', born: '1970-01-08', row: from('2027-03-31') },
  february: { number: 'M9', family: 'Before', given: 'Iz', born: '1970-01-09', row: from('2027-02-28') },
  april: { number: 'M10', family: 'Next', given: 'Jo', born: '1970-01-10', row: from('2027-04-01') },
} satisfies Record<string, Enrolled>;
export type Name = keyof typeof WHO;
export const id = (name: Name): string => idOf(WHO[name]);

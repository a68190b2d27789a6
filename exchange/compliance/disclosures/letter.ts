// The account of disclosures of a member as a letter in plain text, to print or to send (45 CFR 164.528(b)): per
// recipient the first disclosure in full, then how many more there were and when the last one was. Pure.
import { isObject, type Json, objects, text } from '../../../src/fhir/resource.ts';
import { dayText } from '../../../src/ui/time.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { personOf } from '../../members/member-page-data.ts';
import { type DayRange, widest } from '../../records/facts/service-days.ts';
import { kindWords } from '../../records/plain-record.ts';
import { count } from '../../staff/data/texts.ts';
import { DAYS_NOT_KEPT, type Disclosure, leftOf, NO_DAYS, serviceDays } from './disclosures.ts';

/** Characters of a line. */
const WIDTH = 78;

export type Letter = {
  plan: { name: string; npi: string | null };
  /** the member's Patient as JSON; undefined where there is none */
  patient: string | undefined;
  /** first and last day of what is listed, YYYY-MM-DD */
  from: string;
  today: string;
  timeZone: string;
  /** all of the time, the newest first */
  disclosures: readonly Disclosure[];
};

/** As one line, without characters that end it, move on it or turn it round: names are written by others. */
const oneLine = (s: string): string => s.replace(/[\s\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();

/** Words in lines; what is longer than a line stands in one by itself. */
function wrapped(words: string, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of oneLine(words).split(' ').filter(Boolean)) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, indent + line];
}

/** Name and postal address as on an envelope. */
function addressee(patient: string | undefined): string[] {
  const parsed = patient === undefined ? undefined : (JSON.parse(patient) as Json);
  if (!isObject(parsed)) return [];
  const addresses = objects(parsed['address']).filter((a) => a['use'] !== 'old' && a['use'] !== 'billing');
  const at = addresses.find((a) => a['use'] === 'home') ?? addresses[0];
  const lines = Array.isArray(at?.['line']) ? at['line'].filter((l) => typeof l === 'string') : [];
  const town = [text(at?.['city']), [text(at?.['state']), text(at?.['postalCode'])].filter(Boolean).join(' ')]
    .filter(Boolean)
    .join(', ');
  const whole = text(at?.['text']);
  return [
    personOf(patient).name,
    ...(lines.length === 0 && town === '' && whole !== undefined ? whole.split('\n') : [...lines, town]),
  ]
    .map(oneLine)
    .filter((l) => l !== '');
}

const WAYS: Readonly<Record<Disclosure['action'], string>> = {
  'export-member': 'files that it fetched',
  read: 'one record that it read',
  search: 'records that it searched for',
  everything: 'all records at once, as it asked',
};

/** What left, in words: `2 × Result, 1 × Claim`. */
const described = (d: Disclosure): string =>
  leftOf(d)
    .map(({ what, n, isNumber }) =>
      isNumber === true ? `${what}: ${n}, and nothing else of them` : `${n} × ${kindWords(what, false)}`,
    )
    .join(', ');

/** Whether records that the law calls sensitive could be among them, as far as that is known. */
const sensitive = (d: Disclosure): string[] =>
  d.policy === 'regular'
    ? ['Records that the law calls sensitive were left out.']
    : d.policy === 'sensitive'
      ? [
          'Records that the law calls sensitive may be among them, as the consent allowed; those of substance use treatment (42 CFR Part 2) were left out.',
        ]
      : [];

const dayRange = ({ first, last }: DayRange): string =>
  first === last ? dayText(first) : `${dayText(first)} to ${dayText(last)}`;

/** The days of service of all of some times, with how many of them have none. */
function daysOf(all: readonly Disclosure[]): string {
  const days = all.map(serviceDays);
  const ranges = days.filter((t) => typeof t !== 'string');
  const lost = days.filter((t) => t === DAYS_NOT_KEPT).length;
  const range = widest(ranges);
  if (lost === all.length) return 'not known: we did not keep them then.';
  const words = range === undefined ? `${NO_DAYS}.` : `${dayRange(range)}.`;
  return lost === 0 ? words : `${words} Of ${count(lost, 'time', 'times')} they are not known.`;
}

/** When anything of it was fetched last: files of the first time may have been fetched again after the next one. */
const lastOf = (all: readonly Disclosure[]): Date =>
  new Date(Math.max(...all.map((d) => Number(d.lastAt ?? d.at ?? 0))));

/** Of one recipient, for one purpose: 45 CFR 164.528(b)(3). */
function ofRecipient(number: number, all: readonly Disclosure[], timeZone: string): string[] {
  const [first] = all;
  const last = all.at(-1);
  if (!first || !last) return [];
  const day = (at: Date | null): string => (at === null ? 'not known' : dayText(localDay(at, timeZone)));
  const field = (name: string, value: string): string[] => {
    const [head = '', ...rest] = wrapped(value, ' '.repeat(17));
    return [`   ${`${name}:`.padEnd(14)}${head.trimStart()}`, ...rest];
  };
  const rest = all.slice(1);
  const ways = [...new Set(rest.map((d) => WAYS[d.action]))];
  // what is listed of the first time must not be read as true of all: it may have been one record, and all of them later
  const named = new Set(Object.keys(first.types));
  const kinds = new Set(rest.flatMap((d) => (d.counted === null ? Object.keys(d.types) : [])));
  const further = [...kinds].filter((k) => !named.has(k)).map((k) => kindWords(k, false));
  const beside = further.length === 0 ? '' : ` Other kinds of records left then, too: ${further.join(', ')}.`;
  const more =
    first.policy !== 'sensitive' && rest.some((d) => d.policy === 'sensitive')
      ? ' Among those times, records that the law calls sensitive may have left, as the consent allowed then; those of substance use treatment (42 CFR Part 2) were left out.'
      : '';
  return [
    ...wrapped(`${number}. ${first.peerName}`),
    ...(last.peerNpi === null ? [] : field('Identifier', `NPI ${last.peerNpi}`)),
    ...field('Address', last.peerAddress ?? 'not known to us'),
    ...field('Date', day(first.at)),
    ...field('What', `${described(first)} (${WAYS[first.action]}).`),
    ...sensitive(first).flatMap((s) => wrapped(s, ' '.repeat(17))),
    ...field('Service days', daysOf([first])),
    ...(first.asMember === null
      ? []
      : wrapped(
          'For a time you were taken for another person, and these records left as that person’s; the numbers count both.',
          ' '.repeat(17),
        )),
    ...field('Why', PURPOSE),
    ...(all.length === 1
      ? []
      : field(
          'After that',
          `${count(all.length - 1, 'time more', 'times more')} to the same payer for the same reason (${ways.join('; ')}), the last time on ${day(lastOf(all))}.${beside}${more} Service days: ${daysOf(rest)}`,
        )),
  ];
}

const PURPOSE =
  'You asked that your health plans exchange your records. Federal rules require a plan to do so then (42 CFR 422.121(b), 431.61(b), 457.731(b); 45 CFR 156.222(b)).';

/** The letter, lines ended by LF, in UTF-8. Nothing that was only made ready and never fetched is in it. */
export function disclosureLetter(of: Letter): string {
  const left = of.disclosures.filter((d) => d.at !== null).sort((a, b) => Number(a.at) - Number(b.at));
  const recipients = [...new Set(left.map((d) => d.peerId))];
  const paragraphs: string[][] = [
    [of.plan.name, ...(of.plan.npi === null ? [] : [`NPI ${of.plan.npi}`])],
    [dayText(of.today)],
    addressee(of.patient),
    ['ACCOUNT OF DISCLOSURES'],
    wrapped(
      `This letter says to whom we gave records of yours from ${dayText(of.from)} to ${dayText(of.today)} in the exchange between health plans: when, what, and why. You may ask for it under 45 CFR 164.528. Each payer is listed once in full; if we gave records to the same payer for the same reason again, the letter says how often, and when last. Service days are the first and the last day of the care that the records tell of, as far as records have one.`,
    ),
    ...(left.length === 0
      ? [wrapped('In this time we gave records of yours to no one in the exchange between health plans.')]
      : recipients.map((id, i) =>
          ofRecipient(
            i + 1,
            left.filter((d) => d.peerId === id),
            of.timeZone,
          ),
        )),
    wrapped(
      'Records that we gave to you yourself, or to others under an authorization that you signed, are not in this letter. If you want each single time, ask us: we keep them all.',
    ),
  ];
  return `${paragraphs
    .filter((p) => p.length > 0)
    .map((p) => p.join('\n'))
    .join('\n\n')}\n`;
}

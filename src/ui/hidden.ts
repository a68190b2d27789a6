// What stands on a page and is to be hidden until someone says what they need it for: numbers of cards, days of birth, addresses.
// Anyone who prints one marks it; at the end, marks become the value, or what is left of it to check it by. Pure.
import { escapeHtml, html } from './html.ts';

/** `number`: the end stays. `day`: the year stays. `text`: nothing stays. */
export type HiddenKind = 'number' | 'day' | 'text';

// of the private use area: no text of ours has them, and what others send loses them within a mark
const [BEGIN, SPLIT, END] = ['\ue000', '\ue001', '\ue002'];
const MARK = `${BEGIN}([a-z]+)${SPLIT}([^${END}]*)${END}`;
const MARKS = new RegExp(MARK, 'g');
const SIGNS = new RegExp(`[${BEGIN}-${END}]`, 'g');

/** A value that is printed whole only to those who may see it whole. */
export const hidden = (kind: HiddenKind, value: string): string =>
  value === '' ? '' : `${BEGIN}${kind}${SPLIT}${value.replaceAll(SIGNS, '')}${END}`;

/** With everything that was marked whole. */
export const unhidden = (text: string): string => (text.includes(BEGIN) ? text.replaceAll(MARKS, '$2') : text);

const DOTS = '••••';
const LAST = 4;

/** The end of a number: four characters, and never more than half of it. */
function endOf(value: string): string {
  const bare = value.trim();
  return bare.slice(bare.length - Math.min(LAST, Math.floor(bare.length / 2)));
}

/** What is left of it to see, and how it is read aloud. */
function leftOf(kind: string, value: string): { shown: string; said: string } {
  const year = kind === 'day' ? /(?<!\d)\d{4}(?!\d)/.exec(value)?.[0] : undefined;
  if (year !== undefined) return { shown: `${year}-••-••`, said: `day hidden; year ${year}` };
  const end = kind === 'number' ? endOf(value) : '';
  return end === ''
    ? { shown: DOTS, said: 'hidden' }
    : { shown: `${DOTS}\u00a0${end}`, said: `hidden; ends in ${end}` };
}

/** With everything that was marked hidden: for files and attributes, where no markup stands. */
export const hiddenText = (text: string): string =>
  text.includes(BEGIN) ? text.replaceAll(MARKS, (_, kind: string, value: string) => leftOf(kind, value).shown) : text;

/** A value that is known to identify someone, wherever it stands. */
export type Known = { kind: HiddenKind; value: string };

/** Shorter ones stand everywhere by chance. */
const LEAST = 4;
/** Social Security numbers, and Medicare numbers by their form (CMS, "Understanding the MBI format"). */
const LETTER = '[AC-HJKMNP-RT-Y]';
const EITHER = '[AC-HJKMNP-RT-Y0-9]';
const NUMBERS = `(?<![\\w-])\\d{3}-\\d{2}-\\d{4}(?![\\w-])|(?<![\\w-])[1-9]${LETTER}${EITHER}\\d-?${LETTER}${EITHER}\\d-?${LETTER}${LETTER}\\d\\d(?![\\w-])`;
const PATIENT = '(?<=(?<![A-Za-z])Patient/)[A-Za-z0-9\\-.]{1,64}';
const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Elements that hold text alone. */
const BARE = /^<(title|option|textarea)\b/;

/**
 * A page of ours with what was marked hidden, and with what is known to identify someone hidden wherever else it stands in its
 * text; so are numbers of those forms, and ids of Patients.
 * @param ours ids of Patients that are ours, by which our pages call members
 * @returns how much was hidden, too
 */
export function hidePage(
  page: string,
  known: readonly Known[],
  ours: ReadonlySet<string>,
): { page: string; n: number } {
  // in whatever case it is written elsewhere
  const kinds = new Map<string, HiddenKind>();
  for (const { kind, value } of known) {
    const bare = value.trim();
    if (bare.length >= LEAST && !ours.has(bare)) kinds.set(escapeHtml(bare).toLowerCase(), kind);
  }
  // the longest first: one may begin as another does. Behind a day a time may stand
  const values = [...kinds.keys()].sort((a, b) => b.length - a.length).map(literal);
  const wherever = `(?<![A-Za-z0-9])(?:${values.join('|')})(?:(?![A-Za-z0-9])|(?=T\\d\\d:))`;
  const isAny = values.length > 0;
  // all of it in any case: where an expression is as long as this one may be, V8 (to 13.6 at least) takes `(?i:…)` for case-sensitive
  const found = new RegExp(`${MARK}|(${PATIENT})${isAny ? `|${wherever}` : ''}|${NUMBERS}`, 'gi');
  const literals = new RegExp(wherever, 'gi');
  let n = 0;
  let isBare = false;
  const hide = (kind: string, value: string): string => {
    n += 1;
    const { shown, said } = leftOf(kind, value);
    return isBare ? shown : html`<span class="hidden" role="img" aria-label="${said}">${shown}</span>`.markup;
  };
  const pieces = page.split(/(<[^>]*>)/).map((piece) => {
    if (piece.startsWith('<')) {
      isBare = BARE.test(piece);
      // a day that no one marked stands in it for programs
      const day = /^<time datetime="([^"]*)"/.exec(piece)?.[1];
      return day !== undefined && kinds.has(day.toLowerCase()) ? '<time>' : hiddenText(piece);
    }
    const hideKnown = (all: string): string => hide(kinds.get(all.toLowerCase()) ?? 'number', all);
    return piece.replaceAll(found, (all: string, kind?: string, value?: string, patient?: string, at = 0) => {
      if (kind !== undefined) return hide(kind, value ?? '');
      if (patient === undefined) return hideKnown(all);
      // a scope (`patient/Observation.rs`) is no id
      if (!piece.startsWith('Patient/', at - 8)) return isAny ? all.replaceAll(literals, hideKnown) : all;
      return ours.has(patient) ? all : hide('number', patient);
    });
  });
  return { page: pieces.join(''), n };
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const LONG = 5;
/** Days as Americans write them, and telephone numbers with dots. */
const PARTED = '(?<!\\d)(?:\\d{1,2}\\/\\d{1,2}\\/(?:\\d{4}|\\d\\d)|\\d{3}\\.\\d{3}\\.\\d{4})(?!\\d)';
const WORDS = new RegExp(`${PARTED}|[\\w-]+`, 'g');
/** Free words of others, in which anything may stand: days, addresses of mail and whatever has five digits are marked. */
export const hiddenWords = (words: string): string =>
  words.replaceAll(/\S+/g, (piece) =>
    piece.includes('@')
      ? hidden('text', piece)
      : piece.replaceAll(WORDS, (word) =>
          DAY.test(word) || word.includes('/')
            ? hidden('day', word)
            : word.replaceAll(/\D/g, '').length < LONG
              ? word
              : hidden('number', word),
        ),
  );

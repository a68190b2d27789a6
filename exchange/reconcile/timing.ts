// How often a drug is taken, in one spelling: as code, in words or as frequency and period. Twice a day and every twelve hours stay two: the one leaves
// the hours to who takes it, and with some drugs that is not the same. Pure. https://hl7.org/fhir/R4/datatypes.html#Timing
import { codings, isObject, type Json, type JsonObject, text } from '../../src/fhir/resource.ts';
import { inWords } from './codes.ts';

const ABBREVIATIONS = 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation';
const HOURS: ReadonlyMap<string, number> = new Map([
  ['s', 1 / 3600],
  ['min', 1 / 60],
  ['h', 1],
  ['d', 24],
  ['wk', 168],
] as const);
const TIMES: readonly (readonly [times: number, code: string, words: string])[] = [
  [1, 'qd', 'once|1 time|one time|1x'],
  [2, 'bid', 'twice|2 times|two times|2x'],
  [3, 'tid', '3 times|three times|3x'],
  [4, 'qid', '4 times|four times|4x'],
];
const DAILY = '(?: a day| per day| each day| every day| daily)';
const SAID = TIMES.map(([times, code, words]) => [times, new RegExp(`^(?:${code}|(?:${words})${DAILY})$`)] as const);
const EVERY = /^(?:q|every )(\d{1,2}) ?h(?:ours?|rs?)?$/;

/** So often in so many hours. */
type Often = { frequency: number; hours: number };

function readWords(said: string | undefined): Often | undefined {
  const plain = inWords(said)?.replace(/\./g, '') ?? '';
  if (plain === 'daily' || plain === 'every day' || plain === 'once every day') return { frequency: 1, hours: 24 };
  const times = SAID.find(([, form]) => form.test(plain))?.[0];
  if (times !== undefined) return { frequency: times, hours: 24 };
  const hours = Number(EVERY.exec(plain)?.[1] ?? 0);
  return hours > 0 ? { frequency: 1, hours } : undefined;
}

/** What a code says, by its codes, else its words, else what its codings are called; undefined when that is not known or several things. */
function readCode(code: Json | undefined): Often | undefined {
  if (!isObject(code)) return undefined;
  const given = codings(code);
  const own = given.filter((c) => c['system'] === undefined || c['system'] === ABBREVIATIONS);
  for (const said of [own.map((c) => c['code']), [code['text']], given.map((c) => c['display'])]) {
    const read = said.flatMap((s) => readWords(text(s)) ?? []);
    if (new Set(read.map((o) => `${o.frequency} ${o.hours}`)).size === 1) return read[0];
    if (read.length > 0) return undefined;
  }
  return undefined;
}

function readRepeat(repeat: JsonObject): Often | undefined {
  const { frequency = 1, period, periodMax, periodUnit } = repeat;
  const hours = HOURS.get(text(periodUnit) ?? '');
  if (typeof frequency !== 'number' || typeof period !== 'number' || hours === undefined || periodMax !== undefined)
    return undefined;
  return { frequency, hours: Number((period * hours).toPrecision(12)) };
}

/** A Timing in one spelling; as it is where its parts contradict each other, or say what is not known here. */
export function timingSaid(timing: Json | undefined): Json {
  if (!isObject(timing)) return timing ?? null;
  const { code, repeat: given, ...rest } = timing;
  const repeat = isObject(given) ? given : {};
  const [named, told] = [readCode(code), readRepeat(repeat)];
  const saysOften = ['frequency', 'period', 'periodUnit'].some((name) => name in repeat);
  if (saysOften && told === undefined) return timing;
  if (named && told && (named.frequency !== told.frequency || named.hours !== told.hours)) return timing;
  const often = told ?? named;
  if (often === undefined) return timing;
  const { frequency: _f, period: _p, periodUnit: _u, ...more } = repeat;
  // a code that is not known may say more than how often
  const unread = code !== undefined && named === undefined ? { code } : {};
  return { ...rest, ...unread, repeat: { ...more, ...often } };
}

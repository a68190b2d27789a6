// Which language a page speaks, and how it writes dates, numbers and names of languages.
import { en, type Texts } from './texts/en.ts';
import { es } from './texts/es.ts';
import { term } from './texts/terms.ts';

export const LANGUAGES = { en, es } as const;
export type LanguageCode = keyof typeof LANGUAGES;
const LOCALES: Record<LanguageCode, string> = { en: 'en-US', es: 'es-US' };

export type Language = {
  code: LanguageCode;
  texts: Texts;
  /** begins every path of these pages: nothing, or `/all` for those over all directories */
  root: string;
  /** the root with `/es`, or alone where the language is the reader's own default */
  prefix: string;
  day(date: Date | string): string;
  /** the day of an instant, where the plan is */
  dayOf(instant: string): string;
  moment(date: Date): string;
  number(value: number, digits?: number): string;
  languageName(code: string): string;
  /** `HH:MM:SS` as it is read */
  time(text: string): string;
  weekday(index: number, style: 'short' | 'long'): string;
  list(parts: readonly string[]): string;
  /** the word for a code of the directory */
  term(code: string | undefined): string | undefined;
};

export const isLanguage = (text: string): text is LanguageCode => Object.hasOwn(LANGUAGES, text);

/** @param zone IANA time zone of moments and of the days of instants; days are days */
export function language(code: LanguageCode, prefix: string, zone: string, root = ''): Language {
  const locale = LOCALES[code];
  const days = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  const local = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: zone });
  const moments = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: zone });
  const times = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' });
  const names = new Intl.DisplayNames(locale, { type: 'language' });
  const lists = new Intl.ListFormat(locale, { type: 'conjunction' });
  const weekdays = {
    short: new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' }),
    long: new Intl.DateTimeFormat(locale, { weekday: 'long', timeZone: 'UTC' }),
  };
  const valid = (date: Date, write: (d: Date) => string, otherwise: string) =>
    Number.isNaN(date.getTime()) ? otherwise : write(date);
  return {
    code,
    texts: LANGUAGES[code],
    root,
    prefix: root + prefix,
    day: (date) => {
      const text = typeof date === 'string' ? date : date.toISOString();
      return /^\d{4}(-\d\d)?$/.test(text) ? text : valid(new Date(text.slice(0, 10)), (d) => days.format(d), text);
    },
    dayOf: (instant) => valid(new Date(instant), (d) => local.format(d), instant),
    moment: (date) => moments.format(date),
    number: (value, digits = 0) =>
      new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value),
    languageName: (tag) => {
      try {
        return names.of(tag) ?? tag;
      } catch {
        return tag;
      }
    },
    time: (text) => valid(new Date(`1970-01-01T${text}Z`), (d) => times.format(d), text),
    weekday: (index, style) => weekdays[style].format(new Date(Date.UTC(2024, 0, 1 + index))), // a Monday
    list: (parts) => lists.format(parts),
    term: (given) => term(given, code),
  };
}

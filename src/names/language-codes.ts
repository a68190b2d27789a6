// Languages as people name them, and their codes. Real directories send names instead of codes, codes of three letters, and several
// languages in one text. https://www.rfc-editor.org/rfc/rfc5646
import { searchForm } from '../fhir/fold.ts';
import { own } from '../safe-lookup.ts';

/** Other names than those of {@link languageNames}, names of their own, and languages of three letters. */
const LANGUAGES: Record<string, string> = {
  mandarin: 'cmn',
  'mandarin chinese': 'cmn',
  'chinese mandarin': 'cmn',
  cantonese: 'yue',
  'cantonese chinese': 'yue',
  'chinese cantonese': 'yue',
  bengali: 'bn',
  farsi: 'fa',
  creole: 'ht',
  hmong: 'hmn',
  tagalog: 'tl',
  filipino: 'tl',
  'american sign language': 'ase',
  'sign language': 'ase',
  asl: 'ase',
  castilian: 'es',
  espanol: 'es',
  portugues: 'pt',
  francais: 'fr',
  deutsch: 'de',
  'tieng viet': 'vi',
};

let names: Map<string, string> | undefined;

/** English names of the languages that ISO 639-1 gives two letters, as the engine knows them. */
function languageNames(): Map<string, string> {
  const of = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
  const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
  const named = letters.flatMap((a) => letters.map((b): [string, string] => [searchForm(of.of(a + b) ?? ''), a + b]));
  // one language may have two codes: the first stays
  return new Map(named.filter(([name, tag]) => name !== '' && Intl.getCanonicalLocales(tag)[0] === tag).reverse());
}

/** The code of a language by its English name or what else it is called; undefined when the name is not known. */
export function languageCode(name: string): string | undefined {
  names ??= languageNames();
  const word = searchForm(name).trim();
  return own(LANGUAGES, word) ?? names.get(word);
}

/** The codes of languages in a text such as `Spanish; Portuguese`; what is not known is left out. */
export const languagesIn = (text: string): string[] => [
  ...new Set(text.split(/[;,/&|()\n]|\s-\s|\band\b/i).flatMap((part) => languageCode(part) ?? [])),
];

/** Languages that are asked for under the code of a wider one. */
const WIDER: Record<string, string> = { cmn: 'zh', yue: 'zh', fil: 'tl', tgl: 'tl' };

/** The code by which a language is asked for: of `spa` and `es-US` it is `es`. What is no code is read as a name. */
export function askedCode(code: string): string | undefined {
  const [language = ''] = code.toLowerCase().split(/[-_]/, 1);
  if (!/^[a-z]{2,3}$/.test(language)) return languageCode(code);
  return own(WIDER, language) ?? (language.length === 3 ? Intl.getCanonicalLocales(language)[0] : language);
}

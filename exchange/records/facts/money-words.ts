// How money is stated beside the structure that is made for it: signs, codes and names of currencies in words and as
// units, amounts after the words that announce them, addresses of extensions. Pure.
import { isObject, type Json, type JsonObject, objects } from '../../../src/fhir/resource.ts';
import { withoutTags } from '../../../src/fhir/tags.ts';

/** Codes of currencies that mean nothing else in a record. */
const CODES = 'USD|EUR|MXN|JPY|NZD';
/** Diseases of the heart, alcohol use disorder and gastric bypass as well: with cents they are currencies. */
const AMBIGUOUS = 'CAD|CHF|AUD|GBP';
/** Codes of these diseases in ICD-9 have cents, too: `CAD 414.01`. */
const ICD_9: Readonly<Record<string, string>> = {
  CAD: '41[0-4]\\.\\d\\d',
  CHF: '(?:398\\.91|40[24]\\.\\d\\d|428\\.\\d\\d)',
  AUD: '(?:291\\.\\d\\d|303\\.\\d\\d|305\\.0\\d)',
  GBP: '539\\.\\d\\d',
};
/** What announces an amount, whatever number it is. */
const SUMS =
  '(?:totals?|allowed|due|sum|net|submitted|eligible|benefit|pa(?:y|ys|id)|co-?pay|charge[ds]?|costs?|fee|price|balance|owe[ds]?|billed|amounts?)';
/** A number with cents that no unit of measure follows. */
const CENTS = '\\d[\\d,]*\\.\\d\\d(?![\\d.]|\\s?(?:%|(?:mc?g|µg|[nkp]?g|m?l|[cm]m|mmhg|mmol|bpm|units?)(?![\\p{L}])))';
/** Letters do not go on. */
const END = '(?![\\p{L}])';
const BEGIN = '(?<![\\p{L}])';
/** Cells of a table stand apart. */
const GAP = '\\s{0,20}';

const SIGNED = `\\p{Sc}${GAP}[.,]?\\d|\\d${GAP}\\p{Sc}`;
const NUMBERED = [
  SIGNED,
  `${BEGIN}(?:${CODES})${GAP}[.,]?\\d`,
  `\\d${GAP}(?:${CODES}|dollars|euros|pesos|cents|bucks(?!\\s(?:county|co|rd|road|st|street|ave)\\b))${END}`,
  ...Object.entries(ICD_9).flatMap(([name, code]) => [
    `${BEGIN}${name}${GAP}(?!${code}(?!\\d))${CENTS}`,
    `(?<![\\p{L}\\d.,])(?!${code}${GAP}${name})\\d[\\d,]*\\.\\d\\d${GAP}${name}${END}`,
  ]),
  `${BEGIN}${SUMS}\\P{L}{0,3}(?:${AMBIGUOUS})${GAP}${CENTS}`,
].join('|');
const NAMED = `${BEGIN}(?:USD|dollars?|euros?|cents)${END}`;
/** What the member bears, in whole numbers or per cent too: `coinsurance 20%`, `copay: 25`; not days that follow the word. */
const SHARE =
  `${BEGIN}(?:co-?pay(?:ments?)?|co-?insurance|deductibles?)(?:\\s?[:=]|\\s(?:is|was|of))?${GAP}(?!\\d{1,4}[-/]\\d{1,2}[-/]\\d)\\d` +
  `|\\d\\s?(?:%|per ?cent)\\s(?:co-?pay|co-?insurance)`;
/** `copay is 45.00`: what announces an amount, and not far behind it a number with cents. */
const ANNOUNCED = `${BEGIN}(?:co-?pay(?:ments?)?|co-?insurance|deductible|paid|owe[ds]?|billed|charge[ds]?|balance|costs?|price|fee|amounts?)${END}[^.;]{0,24}?(?<![\\p{L}\\d.,])\\d[\\d,]*\\.\\d\\d(?![\\d.%])`;

/** What is looked for first: nearly all texts have none. */
const ANY_SIGN = /\p{Sc}/u;
const SIGN = new RegExp(SIGNED, 'u');
const AMOUNT = new RegExp(NUMBERED, 'iu');
const WORDS = new RegExp(`${NUMBERED}|${NAMED}|${SHARE}|${ANNOUNCED}`, 'iu');
/** Letters that no one sees, which may stand between a sign and its number. */
const UNSEEN = '[\\u00AD\\u200B-\\u200F\\u2060-\\u2064\\uFEFF]';
const ANY_UNSEEN = new RegExp(UNSEEN, 'gu');
/** Could it be stated at all? What most texts are done with. */
const HINT = new RegExp(
  `\\p{Sc}|usd|eur|gbp|mxn|jpy|chf|aud|nzd|cad|doll|peso|cent|buck|co-?pay|co-?insur|deductible|\\.\\d\\d|${UNSEEN}`,
  'iu',
);

/** Members that hold words for people, where an amount may be stated. */
const PROSE = new Set(['text', 'div', 'disposition', 'description', 'valueString', 'valueMarkdown']);
/** Members that name something: there is a chain Dollar General. */
const NAMES = new Set(['display', 'title', 'name', 'comment', 'valueCode', 'unit']);

const ENTITIES: Readonly<Record<string, string>> = {
  dollar: '$',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  nbsp: ' ',
};

/** What a reader of a narrative sees. */
const seen = (html: string): string =>
  withoutTags(html).replaceAll(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|([a-z]{1,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal));
  });

const withoutUnseen = (words: string): string => words.replaceAll(ANY_UNSEEN, '');

/** Do words tell an amount? */
export const wordsTellMoney = (words: string): boolean => {
  const plain = words.includes('&') || words.includes('<') ? seen(words) : words;
  return HINT.test(plain) && WORDS.test(withoutUnseen(plain));
};

/** Does the text of a member tell an amount? Numbers and codes that only look like one do not. */
export function memberTellsMoney(key: string, value: string): boolean {
  if (PROSE.has(key)) return wordsTellMoney(value);
  if (NAMES.has(key)) return HINT.test(value) && AMOUNT.test(withoutUnseen(value));
  return ANY_SIGN.test(value) && SIGN.test(withoutUnseen(value));
}

const TEXT_TYPE = /^text\/|[+/](?:xml|json|rtf|csv|javascript)/i;
/** Bytes without a type that are text all the same. */
const isText = (bytes: Buffer): boolean => !bytes.subarray(0, 512).includes(0) && !bytes.toString('utf8').includes('�');

/** Does a document of a kind that is text tell amounts? One that does not say of what kind it is, is looked at as well. */
export const textTellsMoney = (contentType: string, bytes: Buffer): boolean =>
  (/^(?:application\/octet-stream.*)?$/i.test(contentType) ? isText(bytes) : TEXT_TYPE.test(contentType)) &&
  wordsTellMoney(bytes.toString('utf8'));

const UNITS = String.raw`[\[{]?(?:US\s?\$|USD|EUR|GBP|CAD|MXN|JPY|CHF|[$€£¥]|(?:US )?dollars?|euros?|cents?)[\]}]?`;
const CURRENCY_UNIT = new RegExp(`^${UNITS}(?:/.*)?$`, 'i');
/** A Quantity may name the currency by its unit alone. */
export const isCurrencyUnit = (unit: string): boolean => CURRENCY_UNIT.test(unit);

const COSTS =
  '(?:(?:price|cost|premium|(?<!dis)charge|copay(?:ment)?|coinsurance|deductible)(?:[-_]?(?:amount|amt|value))?|(?:patient|member|plan|payer)[-_]?pa(?:y|id)(?:[-_]?(?:amount|amt))?)';
/** Extensions whose name says that their number is an amount, of whatever record. */
const COST_URL = new RegExp(`${COSTS}s?$`, 'i');
/** The same in what is about payment. */
const AMOUNT_URL = new RegExp(
  `(?:amount|amt|cost|payment|paid|billed|balance|reimbursement|liability|fee|${COSTS})s?$`,
  'i',
);
const NUMBERS = [
  'valueDecimal',
  'valueInteger',
  'valuePositiveInt',
  'valueUnsignedInt',
  'valueString',
  'valueQuantity',
];
/** Could it be an amount? Outside of what is about payment there are nurses in charge, and batteries of which so many percent are. */
function isNumber(value: Json | undefined, words: boolean): boolean {
  if (value === undefined || words) return value !== undefined;
  return isObject(value) ? value['unit'] === undefined && value['code'] === undefined : /\d/.test(String(value));
}
/** A number of an extension, or of one within it. */
const hasNumber = (v: JsonObject, words: boolean): boolean =>
  NUMBERS.some((key) => isNumber(v[key], words)) || objects(v['extension']).some((e) => hasNumber(e, words));
/** `words`: in what is about payment, where other names tell an amount as well */
export const isAmountExtension = (v: JsonObject, words: boolean): boolean =>
  typeof v['url'] === 'string' && (words ? AMOUNT_URL : COST_URL).test(v['url']) && hasNumber(v, words);
/** Of supporting information: what it is called says that its number is an amount. */
export const isAmountName = (name: string): boolean =>
  /amount|\bpaid\b|\bprice\b|\bcost\b|\bcharges?\b|co-?pay|coinsurance|deductible/i.test(name);

const IN_TEXT = new RegExp(`"(?:unit|code)":"${UNITS}(?:/[^"]*)?"|"url":"[^"]*${COSTS}s?"`, 'i');
/** Could a minified JSON text hold a unit or an address of this kind? */
export const mayTellMoney = (json: string): boolean => IN_TEXT.test(json);

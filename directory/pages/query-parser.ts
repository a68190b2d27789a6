// Wishes that stand in the words of a search: a ZIP code, a language, new patients, visits at a distance. People write all of it into
// one field; what is understood becomes the fields that mean it, each shown with a way to leave it out. Pure.
import { searchForm } from '../../src/fhir/fold.ts';
import { meantBy } from '../../src/names/plain-specialty.ts';
import { type FindQuery, plainText } from './find-query.ts';

/** Languages by the words for them, English and Spanish, folded. */
const TONGUES: Readonly<Record<string, string>> = {
  spanish: 'es',
  espanol: 'es',
  castellano: 'es',
  chinese: 'zh',
  mandarin: 'zh',
  cantonese: 'zh',
  chino: 'zh',
  vietnamese: 'vi',
  vietnamita: 'vi',
  korean: 'ko',
  coreano: 'ko',
  russian: 'ru',
  ruso: 'ru',
  arabic: 'ar',
  arabe: 'ar',
  french: 'fr',
  frances: 'fr',
  creole: 'ht',
  criollo: 'ht',
  portuguese: 'pt',
  portugues: 'pt',
  polish: 'pl',
  polaco: 'pl',
  italian: 'it',
  italiano: 'it',
  japanese: 'ja',
  japones: 'ja',
  german: 'de',
  aleman: 'de',
  hindi: 'hi',
  tagalog: 'tl',
  filipino: 'tl',
  farsi: 'fa',
  persian: 'fa',
  persa: 'fa',
  urdu: 'ur',
  bengali: 'bn',
  hebrew: 'he',
  hebreo: 'he',
  ukrainian: 'uk',
  ucraniano: 'uk',
  // nearly everybody does, and few say so
  english: '',
  ingles: '',
};
const TONGUE = Object.keys(TONGUES).join('|');

const ZIP = /(?:\b(?:zip(?: ?code)?|codigo postal):? )?(?<![\w-])(\d{5}(?:-\d{4})?)(?![\w-])/;
const SPEAKS = new RegExp(
  `\\b(?:(?:who |that |que )?(?:speaks?|speaking|hablan?|hablen?)(?: (?:in|en))? (${TONGUE})|(${TONGUE})[- ](?:speaking|speaker)|(?:in|en) (${TONGUE}))\\b`,
);
const NEW =
  /\b(?:(?:who|that|which|que) )?(?:is |are )?(?:(?:takes?|taking|accepts?|accepting|open to|acepta|acepte|aceptan|acepten|toma|tome) )?(?:a )?(?:new patients?|pacientes? nuevos?|nuevos pacientes)\b/;
const AWAY =
  /\b(?:(?:with|by|con|por|offers?|does|ofrece) )*(?:tele-?health|tele-?medicine|telesalud|telemedicina|(?:video|virtual|online|phone) (?:visits?|appointments?|calls?)|(?:citas?|consultas?|visitas?) (?:virtual(?:es)?|por video|por telefono|en linea)|online|virtual|por video|en linea)\b/;
/** No, and what holds it: `doesn't`, also as it is typed on a telephone. */
const NO = "(?:no|not|non|never|cannot|without|sin|nunca|(?:does|do|is|are|has|have|wo|ca)n['’]?t)";
/** The same with a no before it. */
const denied = (wish: RegExp): RegExp =>
  new RegExp(
    `\\b(?:(?:who|that|which|que|does|do|is|are) )*${NO}[ -](?:(?:do|offer|have|ofrece|hace) )?(?:any )?${wish.source}`,
  );
const NOT_NEW = denied(NEW);
const NOT_AWAY = denied(AWAY);
/** When it shall be open, by the word for it. */
const OPENS: Readonly<Record<string, string>> = {
  now: 'now',
  ahora: 'now',
  saturday: 'sat',
  sabado: 'sat',
  sunday: 'sun',
  domingo: 'sun',
  late: 'evening',
  evening: 'evening',
  night: 'evening',
  noche: 'evening',
};
const OPEN_AT =
  /\b(?:(?:that|which|who|que) )?(?:(?:is|are|esta|este|estan) )?(?:open|opens|abiert[oa]s?|abren?|abra) (?:(?:on|at|in|the|los|el|en|por|la|las) )*(now|ahora|saturday|sabado|sunday|domingo|late|evening|night|noche)s?\b/;
const NOT_OPEN = denied(OPEN_AT);
const WHEELS = /\b(?:wheelchair[- ]accessible|accesible en silla de ruedas|con acceso para silla de ruedas)\b/;
const GENDER = /\b(female|male)(?= (?:dr|physician|provider|nurse|[a-z]+(?:ist|ian|or))\b)/;

/** What is left around a wish that was taken out says nothing. */
const GLUE = new Set(
  'i need find looking for busco necesito quiero a an the near in at around close by within to who that which takes take with and also plus or please me my un una el la cerca de del en que con y e tambien'.split(
    ' ',
  ),
);

/** @returns the words without those at their ends that say nothing */
function trimmed(text: string): string {
  const words = text.split(/[\s,;]+/).filter((w) => w !== '');
  const isGlue = (word: string | undefined): boolean => word !== undefined && GLUE.has(searchForm(word));
  while (isGlue(words[0])) words.shift();
  while (isGlue(words.at(-1))) words.pop();
  return words.join(' ');
}

/** Takes what an expression finds out of a text, which is read without case and accents. */
class Words {
  text: string;
  constructor(text: string) {
    this.text = text;
  }
  take(wish: RegExp): RegExpExecArray | undefined {
    // letter for letter, so that places in the one are places in the other
    const plain = Array.from(this.text)
      .map((c) => (searchForm(c).length === c.length ? searchForm(c) : c.toLowerCase().slice(0, c.length)))
      .join('');
    const found = wish.exec(plain) ?? undefined;
    if (found !== undefined)
      this.text = `${this.text.slice(0, found.index)} ${this.text.slice(found.index + found[0].length)}`;
    return found;
  }
}

/** What the links of other sites ask by `q`: a kind of care, perhaps with wishes, or else a name. A field that is filled says more. */
export function fromWords(q: FindQuery, words: string): FindQuery {
  const text = plainText(words);
  if (text === '' || q.care !== '' || q.name !== '') return q;
  const meant = understood({ ...q, care: text });
  const isCare = meant.care === '' || meantBy(meant.care).entries.length > 0;
  return isCare ? { ...q, care: text } : { ...q, name: text };
}

/** The search with the wishes that stand in its words, unless the field for one says otherwise. */
export function understood(q: FindQuery): FindQuery {
  const care = new Words(q.care);
  const name = new Words(q.name);
  const zip = q.zip === '' ? (care.take(ZIP) ?? name.take(ZIP)) : undefined;
  const speaks = q.speaks === '' ? care.take(SPEAKS) : undefined;
  const gender = q.gender === '' ? care.take(GENDER) : undefined;
  care.take(NOT_NEW);
  care.take(NOT_AWAY);
  care.take(NOT_OPEN);
  const takesNew = care.take(NEW) !== undefined;
  const isAway = care.take(AWAY) !== undefined;
  const opens = q.open === '' ? care.take(OPEN_AT) : undefined;
  const wheels = q.access === '' ? care.take(WHEELS) : undefined;
  const tongue = speaks?.[1] ?? speaks?.[2] ?? speaks?.[3];
  return {
    ...q,
    care: care.text === q.care ? q.care : trimmed(care.text),
    name: name.text === q.name ? q.name : trimmed(name.text),
    zip: zip?.[1] ?? q.zip,
    speaks: (tongue === undefined ? undefined : TONGUES[tongue]) ?? q.speaks,
    gender: gender?.[1] ?? q.gender,
    access: wheels === undefined ? q.access : 'handiaccess',
    open: OPENS[opens?.[1] ?? ''] ?? q.open,
    newPatients: q.newPatients || takesNew,
    telehealth: q.telehealth || isAway,
  };
}

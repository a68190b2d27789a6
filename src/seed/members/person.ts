// Who the members are, and how each of the two plans knows them. The interesting ones sit at fixed places of every
// forty, so that any set of forty members has each of them.
import { dayNumber, isoDate } from '../dates.ts';
import { FAMILY, FEMALE_GIVEN, MALE_GIVEN, NICKNAMES } from '../names.ts';
import { CITIES, type City } from '../places.ts';
import { slug, streetLine } from '../plan-net/elements.ts';
import { at, Draw, kindKey } from '../random.ts';
import { type Side, UNTIL } from './side.ts';

export type Person = {
  family: string;
  given: string[];
  suffix?: string;
  /** a name no longer used, kept beside the current one */
  formerFamily?: string;
  gender: 'female' | 'male';
  birthDate: string;
  race: readonly [code: string, display: string];
  hispanic: boolean;
  line: string;
  city: City;
  postalCode: string;
  phone: string;
  email: string;
};

/** What is special about a member, by its place in each forty. */
export const CASES = {
  'only-current': 2,
  'only-prior': 4,
  twin: 6,
  'twin-of-previous': 7,
  senior: 9,
  junior: 10,
  'maiden-name': 12,
  nickname: 14,
  typo: 16,
  moved: 18,
  'opted-out': 20,
  'payer-by-name': 24,
  'payer-by-npi': 26,
  'number-unknown': 28,
  'coverage-gap': 30,
} as const;

export type Case = keyof typeof CASES;
const EVERY = 40;
const BY_PLACE = new Map<number, Case>(Object.entries(CASES).map(([name, place]) => [place, name as Case]));

export const caseOf = (index: number): Case | undefined => BY_PLACE.get(index % EVERY);

export function isOn(index: number, side: Side): boolean {
  const which = caseOf(index);
  return side === 'prior' ? which !== 'only-current' : which !== 'only-prior';
}

const KIND = kindKey('person');
const RACES = [
  ['2106-3', 'White'],
  ['2106-3', 'White'],
  ['2106-3', 'White'],
  ['2054-5', 'Black or African American'],
  ['2028-9', 'Asian'],
  ['1002-5', 'American Indian or Alaska Native'],
] as const;

function draft(seed: number, index: number): Person {
  const draw = new Draw(seed, KIND, index);
  const gender = draw.chance(0.52) ? 'female' : 'male';
  const given = [draw.pick(gender === 'female' ? FEMALE_GIVEN : MALE_GIVEN)];
  if (draw.chance(0.5)) given.push(at(FAMILY, draw.int(26)).slice(0, 1));
  const family = draw.pick(FAMILY);
  const city = draw.pick(CITIES);
  return {
    family,
    given,
    gender,
    birthDate: isoDate(dayNumber(UNTIL) - draw.between(22 * 365, 86 * 365)),
    race: draw.pick(RACES),
    hispanic: draw.chance(0.18),
    line: streetLine(draw),
    city,
    postalCode: draw.pick(city.zips),
    phone: `${city.areaCode}-555-01${draw.digits(2)}`,
    email: `${slug(given[0] ?? '') || 'member'}.${index}@mail.example`,
  };
}

/** Two letters swapped, the way names are mistyped: `Peterson` → `Petesron`. */
function mistyped(name: string): string {
  const i = Math.max(1, Math.floor(name.length / 2) - 1);
  const [a, b] = [name.charAt(i), name.charAt(i + 1)];
  // a doubled letter would swap into itself
  return a === b || b === '' ? `${name}e` : name.slice(0, i) + b + a + name.slice(i + 2);
}

const LATER_YEARS = 28;

/** The person as one side knows them. Both sides agree except where {@link caseOf} says otherwise. */
export function personOn(seed: number, index: number, side: Side): Person {
  const which = caseOf(index);
  const person = draft(seed, index);
  const before = draft(seed, index - (which === 'twin-of-previous' || which === 'junior' ? 1 : 0));
  const household = {
    family: before.family,
    line: before.line,
    city: before.city,
    postalCode: before.postalCode,
    phone: before.phone,
    race: before.race,
    hispanic: before.hispanic,
  };
  switch (which) {
    case 'twin-of-previous': {
      const same = person.gender === before.gender && person.given[0] === before.given[0];
      const given = same ? [person.gender === 'female' ? 'Rosalind' : 'Leander'] : person.given;
      return { ...person, ...household, given, birthDate: before.birthDate };
    }
    case 'senior': {
      // born early enough to have the junior 28 years later
      const year = 1940 + (index % 7);
      return { ...person, gender: 'male', given: ['Robert', 'T'], suffix: 'Sr', birthDate: `${year}-03-14` };
    }
    case 'junior':
      return {
        ...person,
        ...household,
        gender: 'male',
        given: ['Robert', 'T'],
        suffix: 'Jr',
        birthDate: `${1940 + ((index - 1) % 7) + LATER_YEARS}-03-14`,
      };
    case 'maiden-name': {
      const maiden = at(FAMILY, FAMILY.indexOf(person.family) + 11);
      const woman = { ...person, gender: 'female' as const, given: ['Patricia', 'M'] };
      return side === 'prior' ? { ...woman, family: maiden } : { ...woman, formerFamily: maiden };
    }
    case 'nickname': {
      const { formal, short } = at(NICKNAMES, Math.floor(index / EVERY));
      const gender = FEMALE_GIVEN.includes(formal) ? 'female' : 'male';
      return { ...person, gender, given: [side === 'prior' ? formal : short] };
    }
    case 'typo':
      return side === 'prior' ? person : { ...person, family: mistyped(person.family) };
    case 'moved': {
      if (side === 'prior') return person;
      const elsewhere = draft(seed, index + 1_000_003);
      return {
        ...person,
        line: elsewhere.line,
        city: elsewhere.city,
        postalCode: elsewhere.postalCode,
        phone: elsewhere.phone,
      };
    }
    default:
      return person;
  }
}

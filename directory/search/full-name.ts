// Searches by family name and given name: one range of the index for both (src/fhir/search/full-name.ts).
import type { Criterion, StringCriterion } from '../../src/fhir/search/criterion.ts';
import { BETWEEN, FULL_NAME, familyOfMany, givenOfMany, LONGEST } from '../../src/fhir/search/full-name.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { ALONE, type Bind, padded, type RowSet } from './search-set.ts';
import type { Frequencies } from './token-frequency.ts';

type FullName = Extract<Criterion, { kind: 'full-name' }>;

/** Of more rows of family names that no one counted the two names are read each for itself. */
const UNKNOWN = 5000;

/** The criteria with the first family name and the first given name as one, where the index has such entries and that is less to read. */
export function joinNames(criteria: readonly Criterion[], by: Frequencies): readonly Criterion[] {
  if (!by.paired) return criteria;
  const family = criteria.find((c) => isName(c, FULL_NAME.family));
  const given = criteria.find((c) => isName(c, FULL_NAME.given));
  if (family?.kind !== 'string' || given?.kind !== 'string') return criteria;
  const frequent = by.frequent(family).map((w) => w.folded);
  const held = by.rows(family);
  if (frequent.length > ALONE || held - by.least(family) > UNKNOWN) return criteria;
  const met = Math.ceil((held * by.rows(given)) / by.live(TYPE_IDS.Practitioner));
  // what is asked for is mostly the whole name, and may be of hundreds of people without being one of the thousand that were counted
  const alone = [...new Set([beginning(family), ...frequent])].slice(0, ALONE);
  const joined: FullName = {
    kind: 'full-name',
    family: beginning(family),
    given: beginning(given),
    frequent: alone.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    rows: Math.max(1, met),
  };
  return [joined, ...criteria.filter((c) => c !== family && c !== given)];
}

/** The beginning of one name, judged without accents: the index has no others. */
function isName(c: Criterion, param: number): boolean {
  if (c.kind !== 'string' || c.match !== 'starts' || c.params.length !== 1 || c.params[0] !== param) return false;
  const [word, ...more] = c.words;
  if (word === undefined || more.length > 0 || word.raw !== undefined) return false;
  return word.folded !== '' && word.folded.length < LONGEST;
}

const beginning = ({ words }: StringCriterion): string => words[0]?.folded ?? '';

/**
 * The rows, for each frequent family name and the one that is asked for by one range of the index, and for all others together, which are few, by a
 * look at the given names; and of people of very many names, who mostly are none. words_folded, which has all that is read.
 */
export function fullNameSet({ family, given, frequent }: FullName, bind: Bind): RowSet {
  const from = `select rk from directory.words where param = ${FULL_NAME.id} and`;
  const begin = bind(family, 'text');
  const sought = bind(`${BETWEEN}${given}`, 'text');
  const branches: string[] = [];
  let after = `folded >= ${begin}`;
  // each number of branches is a statement of its own
  for (const name of padded(frequent)) {
    const one = bind(name, 'text');
    branches.push(
      `${from} folded >= ${one} || ${sought} and folded < ${one} || ${sought} || '\u{10FFFF}'`,
      `${from} ${after} and folded < ${one} || '${BETWEEN}' and strpos(folded, ${sought}) > 0`,
    );
    after = `folded > ${one} || '${BETWEEN}\u{10FFFF}'`;
  }
  branches.push(`${from} ${after} and folded < ${begin} || '\u{10FFFF}' and strpos(folded, ${sought}) > 0`);
  const begins = (name: string) => {
    const least = bind(name, 'text');
    return `folded >= ${least} and folded < ${least} || '\u{10FFFF}'`;
  };
  branches.push(`select m.rk from (${from} ${begins(familyOfMany(family))} offset 0) m
    where exists (select from (${from} ${begins(givenOfMany(given))} offset 0) g where g.rk = m.rk offset 0)`);
  return { source: branches.join(' union all '), unique: false };
}

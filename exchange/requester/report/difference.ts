// Two copies of a record, member by member, in plain words. Pure.
import { isObject, type Json } from '../../../src/fhir/resource.ts';

export type Difference = {
  /** `subject.reference`, `performer[0].display` */
  path: string;
  /** null: the copy does not have the member */
  theirs: string | null;
  ours: string | null;
};

const MOST = 300;
const LONGEST = 400;

function shown(value: Json | undefined): string | null {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
}

/** Leaves that differ, in the order of the first copy; at most 300. */
export function differences(theirs: Json, ours: Json): Difference[] {
  const out: Difference[] = [];
  const walk = (a: Json | undefined, b: Json | undefined, path: string): void => {
    if (out.length >= MOST) return;
    if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        walk(a[key], b[key], path === '' ? key : `${path}.${key}`);
    } else if (Array.isArray(a) && Array.isArray(b)) {
      for (let i = 0; i < Math.max(a.length, b.length); i++) walk(a[i], b[i], `${path}[${i}]`);
    } else if (JSON.stringify(a) !== JSON.stringify(b)) out.push({ path, theirs: shown(a), ours: shown(b) });
  };
  walk(theirs, ours, '');
  return out;
}

/** Why our copy differs from what came: the changes that taking a record in makes. `findings` are those of the record. */
export function whyDifferent(d: Difference, findings: ReadonlySet<string>): string {
  if (d.path === 'id') return 'Our id. The other payer’s id is kept beside it.';
  if (d.path === 'meta.source') return 'Says where the record came from.';
  if (/^meta(\.(versionId|lastUpdated))?$/.test(d.path)) return 'Version and time are those of our own keeping.';
  if (d.path.endsWith('.reference') && d.ours !== null) return 'Leads to our copy of the record that it names.';
  if (d.path.endsWith('.reference')) return 'The record that it names did not arrive, so the link was taken out.';
  if (/\.identifier(\.|$)/.test(d.path) && d.theirs === null)
    return 'What the other payer calls the record that did not arrive.';
  if (/^text(\.|$)/.test(d.path) && findings.has('narrative-dropped'))
    return 'The text part held active content and was removed.';
  if (
    findings.has('money-present') &&
    (d.ours === null || d.theirs === null || /masked|amount|cost|payment|adjudication|total/i.test(d.path))
  )
    return 'Amounts of money are left out of the exchange.';
  return 'The copies differ.';
}

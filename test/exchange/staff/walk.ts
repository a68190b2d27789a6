// A walk over all staff pages by their links, and what identifies the demo members, read from the records by itself.
import type { TestNode } from '../../support/node.ts';
import type { Visitor } from './support.ts';

type Person = {
  id: string;
  birthDate?: string;
  identifier?: { value?: string }[];
  telecom?: { value?: string }[];
  address?: { line?: string[] }[];
};

/** @param isOther another plan's node: ids of its Patients are its numbers of the members */
export async function identifiersOf({ deps }: TestNode, isOther: boolean): Promise<Set<string>> {
  const { sql } = deps.database;
  const found = new Set<string>();
  const rows = await sql<
    { body: string }[]
  >`select body from exchange.resource where type = 'Patient' and origin = 'own'`;
  for (const { body } of rows) {
    const p = JSON.parse(body) as Person;
    if (isOther) found.add(p.id);
    for (const { value } of [...(p.identifier ?? []), ...(p.telecom ?? [])]) if (value !== undefined) found.add(value);
    for (const { line = [] } of p.address ?? []) for (const one of line) found.add(one);
    if (p.birthDate !== undefined) found.add(p.birthDate);
  }
  for (const { n } of await sql<{ n: string }[]>`
    select member_number as n from exchange.enrolment union select member_number from exchange.other_coverage where member_number <> ''`)
    found.add(n);
  return found;
}

/** Those of the values that stand anywhere in a text. */
export const standIn = (text: string, values: ReadonlySet<string>): string[] =>
  [...values].filter((v) => text.includes(v));

const EACH_KIND = 2;
/** Ends the session, or is a file in any case. */
const NO_PAGE = /^\/staff\/sign-|[?&]format=|\/(everything|audit-events|letter|due\.ics)(\?|$)|\/attachments\//;
/** Pages of one kind differ in ids, numbers and what is chosen; those of figures in all that is asked of them. */
function kindOf(href: string): string {
  const { pathname, searchParams } = new URL(href, 'http://node.example');
  const path = pathname.replace(/[0-9a-f]{8,}[0-9a-f-]*|\d+|hand-made|not-balanced|stray/g, 'x');
  return /^\/staff\/(compliance|clocks)/.test(path) ? path : [path, ...[...searchParams.keys()].sort()].join(' ');
}

/**
 * Every page that someone is led to from the overview, some of each kind; what the role does not open is left out.
 * @param see `isFirst`: of its kind
 * @returns how many there were
 */
export async function walk(
  visitor: Visitor,
  see: (href: string, page: string, isFirst: boolean) => Promise<void>,
): Promise<number> {
  const kinds = new Map<string, number>();
  const seen = new Set(['/staff']);
  const waiting: { href: string; isFirst: boolean }[] = [{ href: '/staff', isFirst: true }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const answer = await visitor.get(next.href);
    const page = await answer.text();
    if (answer.status !== 200) continue;
    await see(next.href, page, next.isFirst);
    for (const [, raw = ''] of page.matchAll(/href="(\/staff[^"#]*)/g)) {
      const href = raw.replaceAll('&amp;', '&');
      const n = kinds.get(kindOf(href)) ?? 0;
      if (seen.has(href) || NO_PAGE.test(href) || n >= EACH_KIND) continue;
      kinds.set(kindOf(href), n + 1);
      seen.add(href);
      waiting.push({ href, isFirst: n === 0 });
    }
  }
  return seen.size;
}

// Which directory-type records reveal a label, by themselves or by those that they name in turn. What names what is followed here and not in the
// database: there each entry would walk its own way, and a payer may send a chain of thousands.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { inheritedLabels } from './facts/inherited-labels.ts';
import { ANY_LABELLED } from './revealed.ts';

/** `key`: `Type/id`. `origin`: in what this payer says alone, by its own copy (entry_label); null: in what anybody says. */
export type Revealing = { key: string; origin: string | null; label: number };

/** `copies`: `peer label` of payers whose own copy is labelled. */
type Entry = { key: string; label: number | null; links: string[] | null; copies: string[] | null };

function spread(entries: readonly Entry[]): Revealing[] {
  const edges = entries.flatMap((e) => (e.links ?? []).map((to) => ({ key: e.key, to })));
  const of = new Map<string | null, { key: string; label: number }[]>();
  const add = (origin: string | null, key: string, label: number) => {
    const seeds = of.get(origin) ?? [];
    seeds.push({ key, label });
    of.set(origin, seeds);
  };
  for (const { key, label, copies } of entries) {
    if (label !== null && label > 0) add(null, key, label);
    for (const copy of copies ?? []) {
      const [peer = '', its = ''] = copy.split(' ');
      add(peer, key, Number(its));
    }
  }
  return [...of].flatMap(([origin, seeds]) =>
    [...inheritedLabels({ seeds, edges })].map(([key, label]) => ({ key, origin, label })),
  );
}

/**
 * Of some entries, and of those that these name in turn, the ones that reveal a label; nothing is looked for unless any entry is labelled.
 * shared_resource_pkey, entry_label_local.
 * @param named select of `key`, with its parameters
 */
export async function revealingOf(tx: Queryable, named: string, values: readonly string[]): Promise<Revealing[]> {
  const entries = await tx.unsafe<Entry[]>(
    `with recursive turn(key) as (
       select key from (${named}) n where ${ANY_LABELLED}
       union
       select l from turn t join exchange.shared_resource s on s.type = split_part(t.key, '/', 1) and s.id = split_part(t.key, '/', 2) cross join unnest(s.links) l
     )
     select t.key, s.label, s.links, (
       select array_agg(e.peer_id || ' ' || e.label) from exchange.entry_label e
       where e.type = split_part(t.key, '/', 1) and e.local_id = split_part(t.key, '/', 2)) as copies
     from turn t left join exchange.shared_resource s on s.type = split_part(t.key, '/', 1) and s.id = split_part(t.key, '/', 2)`,
    [...values],
  );
  return spread(entries);
}

const OF_KEYS = 'select unnest($1::text::text[]) as key';

/** Highest label that each of some entries reveals to anybody, without those that reveal none. */
export async function revealedBy(tx: Queryable, keys: readonly string[]): Promise<Map<string, number>> {
  if (keys.length === 0) return new Map();
  const found = await revealingOf(tx, OF_KEYS, [arrayLiteral([...new Set(keys)])]);
  return new Map(found.filter((r) => r.origin === null).map((r) => [r.key, r.label]));
}

/** All entries that reveal a label to anybody. All that name others are read where any is labelled. */
export async function allRevealing(tx: Queryable): Promise<Revealing[]> {
  const entries = await tx.unsafe<Entry[]>(
    `select type || '/' || id as key, label, links, null::text[] as copies from exchange.shared_resource
     where ${ANY_LABELLED} and (links is not null or label > 0)`,
  );
  return spread(entries);
}

/** Some entries and all that name them, by themselves or by other entries. All that name others are read. */
export async function namersInTurn(tx: Queryable, keys: readonly string[]): Promise<string[]> {
  const entries = await tx<{ key: string; links: string[] }[]>`
    select type || '/' || id as key, links from exchange.shared_resource where links is not null`;
  const edges = entries.flatMap((e) => e.links.map((to) => ({ key: e.key, to })));
  return [...inheritedLabels({ seeds: keys.map((key) => ({ key, label: 1 })), edges }).keys()];
}

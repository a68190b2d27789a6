// What a directory-type record reveals: its own label, and the labels of those that it names in turn. By shared_resource_pkey.
import { LABELLER } from './facts/label.ts';

/** Is any directory-type record labelled, here or in a payer's own copy? Looked for once in a statement; shared_resource_labelled. */
export const ANY_LABELLED =
  '(select exists (select from exchange.shared_resource where label > 0) or exists (select from exchange.entry_label))';

const TURN = (key: string) => `with recursive turn(key) as (
    select ${key}
    union
    select l from turn t join exchange.shared_resource s on s.type = split_part(t.key, '/', 1) and s.id = split_part(t.key, '/', 2) cross join unnest(s.links) l
  )`;
const IN_TURN = `turn t join exchange.shared_resource s on s.type = split_part(t.key, '/', 1) and s.id = split_part(t.key, '/', 2)`;

/** @param key expression of `Type/id`; the highest label, 0 of what reveals nothing */
export const REVEALED = (key: string): string => `(${TURN(key)} select coalesce(max(s.label), 0) from ${IN_TURN})`;

/** Did another labeller decide one of them, or none? */
export const UNDECIDED = (key: string): string =>
  `(${TURN(key)} select exists (select from ${IN_TURN} where s.labeller is distinct from ${LABELLER}))`;

// Was a version of a record released by people? An item is of the last version that was held; what is shown may be another one, whose release still holds.

/** The item of a record that waits, or waited. */
export const heldItem = (peer: string, type: string, sourceId: string): string =>
  `md5(concat_ws('|', 'held', ${peer}, ${type}, ${sourceId}))`;

/**
 * Is what people said last of one version of a record, and have not taken back, that it is taken in? From whichever check; as SQL. review_decision_item.
 * @param item SQL of the item's id
 * @param hash SQL of the version's hash
 */
export const isReleasedVersion = (item: string, hash: string): string =>
  `coalesce((select d.decision = 'release' from exchange.review_decision d
    where d.item_id = ${item} and d.b_hash = ${hash} and d.undoes is null and d.decision in ('release', 'discard')
      and not exists (select from exchange.review_decision u where u.item_id = d.item_id and u.undoes = d.id)
    order by d.id desc limit 1), false)`;

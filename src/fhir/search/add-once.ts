// Lists without repeats. A resource may have as many names and times as its file has room for.

export type Sameness<T> = { same: (one: T, other: T) => boolean; key: (one: T) => string };

/** So many are looked through one by one; more would take the square of their number. */
export const FEW = 32;
const listed = new WeakMap<object, Set<string>>();

/** @param list to which no one else adds */
export function addOnce<T>(list: T[], one: T, { same, key }: Sameness<T>): void {
  if (list.length < FEW) {
    for (const other of list) if (same(one, other)) return;
    list.push(one);
    return;
  }
  let keys = listed.get(list);
  if (keys === undefined) {
    keys = new Set(list.map(key));
    listed.set(list, keys);
  }
  const { size } = keys;
  if (keys.add(key(one)).size > size) list.push(one);
}

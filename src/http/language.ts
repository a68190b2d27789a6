// Which of our languages a reader prefers.

/** The language of `Accept-Language` (RFC 9110, 12.5.4) with the greatest weight that we have; the first of ours otherwise. Regions do not count. */
export function preferredLanguage<T extends string>(header: string | undefined, ours: readonly [T, ...T[]]): T {
  const ranges = (header ?? '')
    .slice(0, 500)
    .split(',')
    .flatMap((range) => {
      const [tag = '', q] = range.trim().split(/;\s*q=/);
      const weight = q === undefined ? 1 : Number(q) || 0;
      const code = ours.find((o) => o === tag.slice(0, 2).toLowerCase());
      return code === undefined || weight <= 0 ? [] : [{ code, weight }];
    });
  const [best] = ranges.sort((a, b) => b.weight - a.weight);
  return best?.code ?? ours[0];
}

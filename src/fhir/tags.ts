// Words of a narrative without its tags.

/**
 * A text with a space in the place of each tag: `<`, and what follows to the next `>`. In one pass, however many of them no one closes: an
 * expression reads a text that is nothing but `<` to its end from each.
 */
export function withoutTags(html: string): string {
  let from = html.indexOf('<');
  let to = from < 0 ? -1 : html.indexOf('>', from);
  if (to < 0) return html;
  let out = '';
  let kept = 0;
  while (from >= 0 && to >= 0) {
    out += `${html.slice(kept, from)} `;
    kept = to + 1;
    from = html.indexOf('<', kept);
    to = from < 0 ? -1 : html.indexOf('>', from);
  }
  return out + html.slice(kept);
}

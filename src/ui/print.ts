// What stands at the head and the foot of every printed page, so that one that got among others still says what it is of.
// https://www.w3.org/TR/css-page-3/#margin-boxes

/** A CSS string; it can end neither itself nor an element that the style stands in. */
const quoted = (text: string): string =>
  `"${text.replace(/[\\"<>&\p{Cc}]/gu, (c) => `\\${c.codePointAt(0)?.toString(16)} `)}"`;

/** CSS, to follow the stylesheet. `left` and `right` stand at the head; at the foot the pages are counted. */
export function pageHeads(left: string, right?: string): string {
  const box = (place: string, content: string) =>
    `@${place}{content:${content};font:7.5pt system-ui,sans-serif;color:#333}`;
  return `@page{margin:16mm 12mm 14mm;${box('top-left', quoted(left))}${
    right === undefined ? '' : box('top-right', quoted(right))
  }${box('bottom-right', '"Page " counter(page) " of " counter(pages)')}}\n`;
}

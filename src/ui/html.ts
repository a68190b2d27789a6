// HTML as text. Whatever is put into a template is escaped, unless it is itself the result of a template.

/** Markup that may be sent as it is: made by {@link html}, or a constant of ours. Never made from data. */
export class Safe {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
  toString(): string {
    return this.markup;
  }
}

export type Part = Safe | string | number | undefined | null | false | readonly Part[];

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or a quoted attribute. Controls that HTML forbids become the replacement character. */
export function escapeHtml(text: string): string {
  let out = '';
  for (const c of text.replace(/[&<>"']/g, (found) => ESCAPES[found] ?? found)) out += isForbidden(c) ? '\ufffd' : c;
  return out;
}

const isForbidden = (c: string): boolean => (c < ' ' && c !== '\t' && c !== '\n' && c !== '\r') || c === '\u007f';

function write(part: Part): string {
  if (part === undefined || part === null || part === false) return '';
  if (part instanceof Safe) return part.markup;
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return part.map(write).join('');
}

/** A template of HTML: text is escaped, lists are joined, undefined and false are nothing. Attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Safe {
  let out = strings[0] ?? '';
  for (const [i, part] of parts.entries()) out += write(part) + (strings[i + 1] ?? '');
  return new Safe(out);
}

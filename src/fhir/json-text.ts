// JSON as text. Resources are stored and served as the text they came in, so that a decimal written 1.00 stays 1.00
// (https://hl7.org/fhir/R4/json.html#decimal) and nothing is parsed on the read path. These functions change a text
// without parsing it into values. All of them expect text that JSON.parse has already accepted.

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const BRACE = 123;
const isSpace = (c: number) => c === 32 || c === 10 || c === 13 || c === 9;

/** The index just past the string that starts at `at` (its opening quote). */
export function skipString(json: string, at: number): number {
  let i = at + 1;
  for (;;) {
    const quote = json.indexOf('"', i);
    if (quote === -1) return json.length;
    let slashes = 0;
    while (json.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    i = quote + 1;
  }
}

function skipSpace(json: string, at: number): number {
  let i = at;
  while (i < json.length && isSpace(json.charCodeAt(i))) i++;
  return i;
}

/** The index just past the value that starts at `at`. */
function skipValue(json: string, at: number): number {
  const first = json.charCodeAt(at);
  if (first === QUOTE) return skipString(json, at);
  let i = at;
  if (first === 123 || first === 91) {
    let depth = 0;
    for (; i < json.length; ) {
      const c = json.charCodeAt(i);
      if (c === QUOTE) {
        i = skipString(json, i);
        continue;
      }
      if (c === 123 || c === 91) depth++;
      else if (c === 125 || c === 93) {
        depth--;
        if (depth === 0) return i + 1;
      }
      i++;
    }
    return json.length;
  }
  while (i < json.length) {
    const c = json.charCodeAt(i);
    if (c === 44 || c === 125 || c === 93 || isSpace(c)) break;
    i++;
  }
  return i;
}

/** `key` as it is meant, without escapes; as it was written it stands at `start`. */
export type Member = { key: string; start: number; valueStart: number; end: number };

/**
 * The members of the object that starts at `at`, with their places in the text.
 * @param isEnough receives of each, and ends the search when it says so
 */
export function members(json: string, at = 0, isEnough?: (found: Member) => boolean): Member[] {
  const found: Member[] = [];
  let i = skipSpace(json, at) + 1;
  for (;;) {
    i = skipSpace(json, i);
    const c = json.charCodeAt(i);
    if (c === 44) {
      i++;
      continue;
    }
    if (c !== QUOTE) return found;
    const start = i;
    const keyEnd = skipString(json, i);
    const written = json.slice(start, keyEnd);
    const key = written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);
    const valueStart = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = skipValue(json, valueStart);
    const member = { key, start, valueStart, end };
    found.push(member);
    if (isEnough?.(member)) return found;
    i = end;
  }
}

/** The text of an object with another value (JSON) of one of its members; as it is when it has none of that name. */
export function withMember(json: string, key: string, value: string): string {
  const place = members(json).find((m) => m.key === key);
  return place === undefined ? json : json.slice(0, place.valueStart) + value + json.slice(place.end);
}

/** The elements of the array that starts at `at`, as slices of the text; none of what is no array. */
export function elements(json: string, at: number): string[] {
  const found: string[] = [];
  let i = skipSpace(json, at);
  if (json.charCodeAt(i++) !== 91) return found;
  for (;;) {
    i = skipSpace(json, i);
    const c = json.charCodeAt(i);
    if (Number.isNaN(c) || c === 93) return found;
    if (c === 44) {
      i++;
      continue;
    }
    const end = skipValue(json, i);
    found.push(json.slice(i, end));
    i = end;
  }
}

/**
 * Every string as JSON.stringify writes it: a name or a value that is looked for in the text is found, however it was escaped
 * (`"\u0069d"` is `"id"`). Numbers and all else stay.
 */
export function withPlainStrings(json: string): string {
  if (!json.includes('\\u') && !json.includes('\\/')) return json;
  let out = '';
  let from = 0;
  for (let at = json.indexOf('"'); at !== -1; ) {
    const end = skipString(json, at);
    const written = json.slice(at, end);
    if (written.includes('\\')) {
      out += json.slice(from, at) + JSON.stringify(JSON.parse(written));
      from = end;
    }
    at = json.indexOf('"', end);
  }
  return out + json.slice(from);
}

/** `,`, `:`, `{`, `[`: white space between tokens stands behind one of these, or before one of the others. */
const isBefore = (c: number) => c === COMMA || c === 58 || c === BRACE || c === 91;
const isBehind = (c: number) => c === COMMA || c === 58 || c === 125 || c === 93;

/** May white space stand between tokens? It may also stand in strings. */
function mayBeSpaced(json: string): boolean {
  if (json.includes('\n') || json.includes('\r') || json.includes('\t')) return true;
  for (let at = json.indexOf(' '); at !== -1; at = json.indexOf(' ', at + 1))
    if (isBefore(json.charCodeAt(at - 1)) || isBehind(json.charCodeAt(at + 1))) return true;
  return false;
}

/** The same JSON without white space between tokens: one line, ready for NDJSON. */
export function minify(json: string): string {
  if (!mayBeSpaced(json)) return json.trim();
  let out = '';
  let from = 0;
  let i = 0;
  while (i < json.length) {
    const c = json.charCodeAt(i);
    if (c === QUOTE) {
      i = skipString(json, i);
      continue;
    }
    if (isSpace(c)) {
      out += json.slice(from, i);
      i = skipSpace(json, i);
      from = i;
      continue;
    }
    i++;
  }
  return out + json.slice(from);
}

/**
 * The text of a resource with its `id` and the version members of its `meta` replaced. Every other character stays.
 * @param json a minified resource
 * @param change `id` (optional, FHIR id), `versionId` (string), `lastUpdated` (FHIR instant), `source` (uri, optional),
 *   `profiles` (optional: those that stay of `meta.profile`)
 */
export function stamp(
  json: string,
  change: { id?: string; versionId: string; lastUpdated: string; source?: string; profiles?: readonly string[] },
): string {
  const wanted = new Set(['id', 'meta']); // nearly always the second and the third member
  const top = members(json, 0, (m) => wanted.delete(m.key) && wanted.size === 0);
  const stamped = `"versionId":"${change.versionId}","lastUpdated":"${change.lastUpdated}"${
    change.source === undefined ? '' : `,"source":${JSON.stringify(change.source)}`
  }`;
  const edits: { start: number; end: number; with: string }[] = [];
  const id = top.find((m) => m.key === 'id');
  if (change.id !== undefined && id) edits.push({ start: id.valueStart, end: id.end, with: `"${change.id}"` });
  const meta = top.find((m) => m.key === 'meta');
  if (meta) {
    const dropped = new Set(
      change.source === undefined ? ['versionId', 'lastUpdated'] : ['versionId', 'lastUpdated', 'source'],
    );
    const { profiles } = change;
    if (profiles?.length === 0) dropped.add('profile');
    const kept = members(json, meta.valueStart).filter((m) => !dropped.has(m.key));
    const written = (m: (typeof kept)[number]) =>
      profiles !== undefined && m.key === 'profile'
        ? `,"profile":${JSON.stringify(profiles)}`
        : `,${json.slice(m.start, m.end)}`;
    const rest = kept.map(written).join('');
    edits.push({ start: meta.valueStart, end: meta.end, with: `{${stamped}${rest}}` });
  } else {
    const after = id ?? top.find((m) => m.key === 'resourceType');
    if (after) edits.push({ start: after.end, end: after.end, with: `,"meta":{${stamped}}` });
  }
  edits.sort((a, b) => a.start - b.start);
  let out = '';
  let from = 0;
  for (const edit of edits) {
    out += json.slice(from, edit.start) + edit.with;
    from = edit.end;
  }
  return out + json.slice(from);
}

const REFERENCE = '"reference":"';

/**
 * Every `reference` string of a minified resource, replaced. Safe on text: inside a JSON string a quote is always
 * preceded by a backslash, so `{"reference":` cannot occur within one.
 * @param replace gets the reference as written; returns the members to write instead (`"reference":"Patient/1"`), or
 *   undefined to leave it
 */
export function replaceReferences(json: string, replace: (reference: string) => string | undefined): string {
  let out = '';
  let from = 0;
  for (let at = json.indexOf(REFERENCE); at !== -1; ) {
    const before = json.charCodeAt(at - 1);
    // within a string the quote is escaped, and what stands before it is a backslash
    if (before !== COMMA && before !== BRACE) {
      at = json.indexOf(REFERENCE, at + 1);
      continue;
    }
    const start = at + REFERENCE.length;
    const end = skipString(json, start - 1);
    const quoted = json.slice(start, end - 1);
    const written = replace(quoted.includes('\\') ? (JSON.parse(`"${quoted}"`) as string) : quoted);
    if (written !== undefined) {
      out += json.slice(from, at) + written;
      from = end;
    }
    at = json.indexOf(REFERENCE, end);
  }
  return from === 0 ? json : out + json.slice(from);
}

/** All `reference` strings of a minified resource, in order, repeats included. */
export function referencesIn(json: string): string[] {
  const found: string[] = [];
  replaceReferences(json, (reference) => {
    found.push(reference);
    return undefined;
  });
  return found;
}

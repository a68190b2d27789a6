// The temporary table through which an import reaches the store, and the lines that fill it by COPY.

import { copyBytes } from '../../src/db/copy.ts';
import { arrayLiteral, copyField, type Queryable, type Sql } from '../../src/db/database.ts';
import type { Entries } from '../../src/fhir/search/entries.ts';
import type { Logical } from '../../src/fhir/search/logical.ts';
import { LOGICAL_STAGING } from './resource-logical.ts';
import { REACH_STAGING } from './resource-reach.ts';

/** One resource or deletion on its way in. `head` and `tail` enclose the version members of `meta`. */
export type Staged = {
  key: string;
  type: number;
  deleted: boolean;
  /** lower-case hex SHA-256, empty for a deletion */
  hash: string;
  head: string;
  tail: string;
  findings: string[];
  entries: Entries;
};

/**
 * Temporary tables: they write no log, die with their connection and are empty after each transaction. rk is computed by
 * the server while it copies.
 */
export async function createStaging(sql: Sql): Promise<void> {
  await sql.unsafe(`
    set temp_buffers = '32MB';
    create temp table incoming (
      seq integer not null, key text not null, type smallint not null, deleted boolean not null, content_hash bytea not null,
      head text not null, tail text not null, findings text[], params smallint[] not null,
      tokens text[] not null, token_seeds smallint[] not null, refs text[] not null, ref_params smallint[] not null,
      words text[] not null, raws text[] not null, word_params smallint[] not null,
      dates text[] not null, date_params smallint[] not null, hours text, sort text, more jsonb,
      rk bigint not null generated always as (hashtextextended(key, 0)) stored
    ) on commit delete rows;
    alter table incoming alter head set storage external, alter tail set storage external, alter tokens set storage external,
      alter words set storage external, alter raws set storage external;
    alter table incoming set (toast_tuple_target = 8160);
    create temp table plan (seq integer not null, rk bigint not null, action "char" not null, version integer not null)
      on commit delete rows;
    create temp table leaving (tokens text[] not null, token_seeds smallint[] not null, refs text[] not null,
      ref_params smallint[] not null, words text[] not null, word_params smallint[] not null, dates text[] not null,
      date_params smallint[] not null, rk bigint not null) on commit delete rows;${REACH_STAGING}${LOGICAL_STAGING}`);
}

/** Columns of `incoming` that are not computed. */
export const COLUMNS =
  'seq, key, type, deleted, content_hash, head, tail, findings, params, tokens, token_seeds, refs, ref_params, words, raws, word_params, dates, date_params, hours, sort, more';

/** Times of a date entry as PostgreSQL reads them, `lo/hi`. */
export function dateText(lo: number, hi: number): string {
  return `${timeText(lo)}/${timeText(hi)}`;
}

function timeText(millis: number): string {
  return Number.isFinite(millis) ? new Date(millis).toISOString() : millis < 0 ? '-infinity' : 'infinity';
}

/** The COPY line of a staged resource. */
export function stagedLine(seq: number, row: Staged): string {
  const e = row.entries;
  const numbers = (list: readonly number[]) => `{${list.join(',')}}`;
  const texts = (list: readonly string[]) => copyField(arrayLiteral(list));
  return `${seq}\t${row.key}\t${row.type}\t${row.deleted ? 't' : 'f'}\t\\\\x${row.hash}\t${copyField(row.head)}\t${copyField(
    row.tail,
  )}\t${row.findings.length === 0 ? '\\N' : texts(row.findings)}\t${numbers(e.params)}\t${texts(e.tokens)}\t${numbers(
    e.tokenSeeds,
  )}\t${texts(e.refs)}\t${numbers(e.refParams)}\t${texts(e.words.map((w) => w.folded))}\t${texts(
    e.words.map((w) => w.raw ?? ''),
  )}\t${numbers(e.words.map((w) => w.param))}\t${texts(e.dates.map((d) => dateText(d.lo, d.hi)))}\t${numbers(
    e.dates.map((d) => d.param),
  )}\t${copyField(e.hours)}\t${copyField(e.sort)}\t${copyField(moreText(e))}\n`;
}

/** What few resources have, as JSON: place, areas, when a verification was done, and references by identifier alone. */
function moreText(e: Entries): string | undefined {
  if (!e.place && !e.verified && !e.areas?.length && !e.logical) return undefined;
  return JSON.stringify({
    ...(e.place ? { place: `(${e.place.longitude},${e.place.latitude})` } : {}),
    ...(e.place?.approximate ? { approximate: true } : {}),
    ...(e.verified ? { verified: dateText(e.verified.lo, e.verified.hi).split('/') } : {}),
    ...(e.logical ? { logical: e.logical.map(wellFormed) } : {}),
    areas: (e.areas ?? []).map((a) => ({ ring: polygonText(a.ring), holes: a.holes.map(polygonText) })),
  });
}

/** Halves of characters, which an older program took, stand in the index as U+FFFD, and jsonb takes none. */
const wellFormed = ({ targets, ...logical }: Logical) => ({
  ...logical,
  targets: targets.map(({ seed, form }) => ({ seed, form: form.toWellFormed() })),
});

const polygonText = (ring: readonly (readonly [number, number])[]): string =>
  `(${ring.map(([x, y]) => `(${x},${y})`).join(',')})`;

/** Bytes of one buffer of lines. */
const CHUNK = 256 * 1024;

/** Finished lines as bytes: text held until its batch is full would grow old in the heap, and the heap with it. */
export type Lines = { count(): number; add(line: string): void; finish(): Buffer[] };

export function stagedLines(): Lines {
  const chunks: Buffer[] = [];
  let text = '';
  let count = 0;
  const cut = () => {
    if (text !== '') chunks.push(Buffer.from(text));
    text = '';
  };
  return {
    count: () => count,
    add(line) {
      count++;
      text += line;
      if (text.length >= CHUNK) cut();
    },
    finish() {
      cut();
      return chunks;
    },
  };
}

/** Copies finished lines into `incoming`, within a transaction of a dedicated client. */
export function copyIncoming(client: Sql, tx: Queryable, lines: Lines): Promise<void> {
  return copyBytes(client, `copy incoming (${COLUMNS}) from stdin`, lines.finish(), tx);
}

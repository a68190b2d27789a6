// An evidence pack: one ZIP with the report of a period and the rows behind it, each file with its SHA-256 in index.json; a
// detached signature (JWS, RFC 7515 appendix F) over index.json lies beside it. The same rows give the same bytes: entries in
// a fixed order, stored, with a fixed time.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { CompactSign, importJWK } from 'jose';
import { ZipFile } from 'yazl';
import type { Deps } from '../../../src/deps.ts';
import { AS_IT_IS, canonicalJson } from '../../../src/fhir/canonical.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { html, Safe } from '../../../src/ui/html.ts';
import { documentText } from '../../../src/ui/page.ts';
import { pageHeads } from '../../../src/ui/print.ts';
import { STYLE } from '../../../src/ui/style.ts';
import { tableHtml, tablesCsv } from '../../../src/ui/table.ts';
import { withPeople } from '../../staff/data/people.ts';
import { sealAll } from '../audit/run-seal.ts';
import { contentChecksIn } from '../export-check/export-check-rows.ts';
import { proveAll } from '../export-check/run-export-check.ts';
import { COVER_WORDS, type ComplianceReport, complianceReport } from '../report/compliance.ts';
import { instantsOf, type Period } from '../report/period.ts';
import { EVIDENCE_SQL, type EvidenceFile, evidenceRows, inSnapshot, lastSealBefore } from './evidence-rows.ts';
import { contentHashOf, reportContent, reportTitle } from './report-document.ts';

/** `typ` of the signature. */
export const PACK_TYPE = 'evidence-pack+jws';
export const PACK_SCHEMA = 'payer-node/evidence-pack/1';
/** All entries carry this time: a pack must not depend on when it was made. */
const FIXED = new Date(Date.UTC(2000, 0, 1, 12));

export type PackItem = { path: string; what: string; bytes: number; lines?: number; sha256: string };
export type PackIndex = {
  schema: string;
  plan: { name: string; npi: string };
  period: { first: string; last: string; timeZone: string };
  asOf: string;
  versions: Record<string, string>;
  items: PackItem[];
};

/** Detached: the payload is index.json itself. */
async function signatureOf(deps: Pick<Deps, 'keys'>, index: Uint8Array): Promise<string> {
  const key = await deps.keys.signing('evidence');
  const jws = await new CompactSign(index)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: PACK_TYPE })
    .sign(await importJWK(key, key.alg));
  const [header = '', , signature = ''] = jws.split('.');
  return `${header}..${signature}`;
}

const jsonText = (value: unknown): string =>
  `${canonicalJson(JSON.parse(JSON.stringify(value)) as JsonObject, AS_IT_IS)}\n`;

/**
 * Writes `out` and `out.jws`.
 * @returns the index that was signed
 * @throws when a file exists already or cannot be written; nothing is left then
 */
export async function writePack(
  deps: Pick<Deps, 'database' | 'keys' | 'clock' | 'config' | 'blobs'>,
  period: Period,
  out: string,
): Promise<PackIndex> {
  // a signature that lies there may be of a pack that someone keeps elsewhere
  if (existsSync(`${out}.jws`)) throw Object.assign(new Error('the signature exists'), { code: 'EEXIST' });
  await proveAll({ ...deps, log: () => {} }); // what is found stands in the pack itself
  await sealAll(deps);
  const folder = await mkdtemp(join(tmpdir(), 'payer-node-evidence-'));
  try {
    const items: PackItem[] = [];
    const put = async (path: string, what: string, text: string) => {
      await writeFile(join(folder, path), text);
      const bytes = Buffer.from(text);
      items.push({ path, what, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    };
    const span = instantsOf(period, deps.config.timeZone);
    const reader = deps.database.dedicated('work');
    let asOf = span.from;
    let report: ComplianceReport;
    let proof: { exports: Awaited<ReturnType<typeof contentChecksIn>> };
    try {
      // the report tells of the rows beside it, of none that came meanwhile
      [report, proof] = await inSnapshot(reader, async (tx) => {
        const sealed = await lastSealBefore(tx, span.to);
        // a past period is judged as of its end, the running one as of its newest seal
        asOf = span.to <= deps.clock() ? span.to : (sealed ?? span.from);
        for (const file of Object.keys(EVIDENCE_SQL) as EvidenceFile[])
          items.push(await writeRows(tx, folder, file, { ...span, timeZone: deps.config.timeZone }));
        const made = await complianceReport({ ...deps, database: { sql: tx }, clock: () => asOf }, { period });
        return [
          { ...made, tables: await withPeople(tx, made.tables, asOf) },
          { exports: await contentChecksIn(tx, span) },
        ];
      });
    } finally {
      await reader.end({ timeout: 5 });
    }
    await putReport(put, report, period, deps.config);
    await put(
      'content.json',
      'Walks over the files of the exports of the period, each made once when it was finished: what must not leave',
      jsonText(proof),
    );
    await put(
      'keys.json',
      'Public keys that sign heads and packs',
      jsonText({ keys: await deps.keys.published('evidence') }),
    );
    await put('README.txt', 'How to verify this pack', HOW);
    items.sort((a, b) => (a.path < b.path ? -1 : 1));
    const index: PackIndex = {
      schema: PACK_SCHEMA,
      plan: { name: deps.config.planName, npi: deps.config.planNpi },
      period: { first: period.first, last: period.last, timeZone: deps.config.timeZone },
      asOf: asOf.toISOString(),
      versions: Object.fromEntries(report.cover.filter(([k]) => ['software', 'rules', 'calendar'].includes(k))),
      items,
    };
    const text = jsonText(index);
    await zip(folder, items, text, out);
    const signature = await signatureOf(deps, Buffer.from(text));
    try {
      await writeFile(`${out}.jws`, `${signature}\n`, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      await rm(out, { force: true });
      throw error;
    }
    return index;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeRows(
  tx: Parameters<typeof evidenceRows>[0],
  folder: string,
  file: EvidenceFile,
  span: { from: Date; to: Date; timeZone: string },
): Promise<PackItem> {
  const stream = createWriteStream(join(folder, file));
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  for await (const rows of evidenceRows(tx, file, span)) {
    const text = Buffer.from(rows.map((r) => jsonText(JSON.parse(r))).join(''));
    hash.update(text);
    bytes += text.length;
    lines += rows.length;
    if (!stream.write(text)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
  return { path: file, what: EVIDENCE_SQL[file].kind, bytes, lines, sha256: hash.digest('hex') };
}

async function putReport(
  put: (path: string, what: string, text: string) => Promise<void>,
  report: ComplianceReport,
  period: Period,
  config: { planName: string; timeZone: string },
): Promise<void> {
  const title = reportTitle(period);
  const content = reportContent(report, title, []);
  const contentSha256 = contentHashOf(content);
  await put('report.json', 'The compliance report, for programs', jsonText({ ...content, contentSha256 }));
  await put('report.csv', 'The compliance report, for spreadsheets', tablesCsv(report.tables));
  await put(
    'index.html',
    'The compliance report, to read and print',
    documentText({
      title,
      site: config.planName,
      style: html`<style>${new Safe(STYLE + pageHeads(`${config.planName} · ${title}`))}</style>`,
      main: [
        html`<dl>${report.cover.map(([k, v]) => html`<dt>${COVER_WORDS[k] ?? k}</dt><dd>${v}</dd>`)}<dt>SHA-256 of what it says</dt><dd><code>${contentSha256}</code></dd></dl>`,
        // addresses of the staff pages mean nothing on paper
        report.tables.map((t) => tableHtml({ ...t, rows: t.rows.map((r) => r.map(({ href: _, ...cell }) => cell)) })),
      ],
      footer: `All times: ${config.timeZone}.`,
    }),
  );
}

/** The ZIP of an index and its files, always the same bytes around them. */
export function zipOf(
  index: string,
  items: readonly Pick<PackItem, 'path' | 'bytes'>[],
  open: (item: Pick<PackItem, 'path' | 'bytes'>) => Readable,
): NodeJS.ReadableStream {
  const file = new ZipFile();
  const options = { mtime: FIXED, mode: 0o100644, compress: false, forceDosTimestamp: true } as const;
  file.addBuffer(Buffer.from(index), 'index.json', options);
  for (const item of items)
    file.addReadStreamLazy(item.path, { ...options, size: item.bytes }, (give) => give(null, open(item)));
  file.end();
  return file.outputStream;
}

async function zip(folder: string, items: readonly PackItem[], index: string, out: string): Promise<void> {
  const file = zipOf(index, items, (item) => createReadStream(join(folder, item.path)));
  try {
    await pipeline(file, createWriteStream(out, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    // what could not be opened is not ours to remove
    if ((error as NodeJS.ErrnoException).syscall !== 'open') await rm(out, { force: true });
    throw error;
  }
}

const HOW = `How to verify this pack

With the program:   payer-node evidence verify PACK.zip
                    (needs no database and no network; add --keys FILE to hold it against keys that you got elsewhere)

By hand:
1. PACK.zip.jws is a detached JWS (RFC 7515, appendix F), algorithm ES384. Put base64url(index.json) between its two dots and
   verify it with the key in keys.json whose kid its header names. Make sure that the key is the plan's: keys.json alone proves
   only that the pack is of one piece.
2. index.json lists every other file with its SHA-256 and length. Recompute them.
3. audit-seals.jsonl: each seal's prev is the root of the seal before it. Each jws is a signed head (ES384) with the same id, prev
   and root. The root is SHA-256 over prev (32 bytes) and then, for each row that its seqs lists, in that order, the number of the
   row (8 bytes, big-endian) and its hash (32 bytes).
4. issued-reports.jsonl: document is the text of a report as it was issued, a line of canonical JSON. Its signature is a detached JWS as
   that of the pack, over the document without the member signature; sha256 is SHA-256 of the document without sha256 and
   signature, and previous.sha256 that of the report with the number before. Both in canonical form (RFC 8785).
5. audit-rows.jsonl: seq is the number of the row. Its hash is SHA-256 over the canonical JSON (RFC 8785) of all its members except
   seq and hash.

How to compute a figure of the report again, such as F4 (requests on time):
1. Of clocks.jsonl take the lines with kind C2 whose due_at lies within the period: from the first day to the end of the last one,
   in the time zone of index.json.
2. Leave out what could still be met: state open, attempted or blocked, and due_at at or after asOf of index.json.
3. Leave out what ended before it was late: state withdrawn or not-applicable, and closed_at not after due_at.
4. How many there are is the denominator of F4 in the table figures of report.json, and how many of them have state met the
   numerator. The other shares of duties go the same way: F1 kind C1-offer, F2 C1b-identify, F5 C3-export, F8 C4.
`;

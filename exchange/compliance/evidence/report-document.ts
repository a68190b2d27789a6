// A compliance report as one JSON document: canonical (RFC 8785), with a version of its schema, the SHA-256 of the
// report that was issued before it, and a signature (ES384) by the evidence key. Verified with nothing but the file: no
// database, no network.
import { createHash } from 'node:crypto';
import { CompactSign, createLocalJWKSet, flattenedVerify, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import type { Deps } from '../../../src/deps.ts';
import { AS_IT_IS, canonicalJson } from '../../../src/fhir/canonical.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { isObject, type JsonObject } from '../../../src/fhir/resource.ts';
import { cutJson, type Table, tableJson } from '../../../src/ui/table.ts';

export const REPORT_SCHEMA = 'payer-node/compliance-report/1';
/** `typ` of the signature. */
export const REPORT_TYPE = 'compliance-report+jws';

export const reportTitle = (period: { name: string }): string => `Compliance, ${period.name}`;

/** What a report says. The same rows give the same. */
export type ReportContent = {
  schema: typeof REPORT_SCHEMA;
  title: string;
  /** what the reader would misunderstand otherwise */
  summary: string[];
  cover: Record<string, string>;
  tables: Record<string, ReturnType<typeof tableJson>>;
  /** how many rows there are of tables that hold only the first of theirs */
  ofAll?: Record<string, number>;
};

/** Number and SHA-256 of an issued report. */
export type ReportMark = { number: number; sha256: string };

/** When, by whom and after which report it was made. `number`: of an issued report; null of one as it is reported at that time. */
export type ReportOrigin = {
  number: number | null;
  generatedAt: string;
  issuedBy?: string;
  previous: ReportMark | null;
};

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');
/** As JSON holds it: nothing undefined. */
const plain = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;
const canonical = (value: unknown): string => canonicalJson(plain(value), AS_IT_IS);

export function reportContent(
  report: { cover: readonly (readonly [string, string])[]; tables: readonly Table[] },
  title: string,
  summary: readonly string[],
): ReportContent {
  return {
    schema: REPORT_SCHEMA,
    title,
    summary: [...summary],
    cover: Object.fromEntries(report.cover),
    tables: Object.fromEntries(report.tables.map((t) => [t.name, tableJson(t)])),
    ...cutJson(report.tables),
  };
}

/** SHA-256 of what a report says, whenever and by whomever it was made. */
export const contentHashOf = (content: ReportContent): string => hex(canonical(content));

/**
 * The document of a report.
 * @returns `text`: canonical JSON with `sha256`, which is that of the document without `sha256` and `signature`, and
 * `signature`, a detached JWS over the document without
 *   `signature`; null where the process has no evidence key (a Worker)
 */
export async function reportDocument(
  deps: Pick<Deps, 'keys'>,
  content: ReportContent,
  origin: ReportOrigin,
): Promise<{ text: string; sha256: string; contentSha256: string; isSigned: boolean }> {
  const contentSha256 = contentHashOf(content);
  const bare = { ...content, contentSha256, ...origin };
  const sha256 = hex(canonical(bare));
  const signed = { ...bare, sha256 };
  const signature = await signatureOf(deps, canonical(signed));
  return { text: `${canonical({ ...signed, signature })}\n`, sha256, contentSha256, isSigned: signature !== null };
}

async function signatureOf(deps: Pick<Deps, 'keys'>, text: string): Promise<string | null> {
  const key = await deps.keys.signing('evidence').catch((error: unknown) => {
    if (error instanceof Outcome && error.status === 503) return undefined;
    throw error;
  });
  if (key === undefined) return null;
  const jws = await new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: REPORT_TYPE })
    .sign(await importJWK(key, key.alg));
  const [header = '', , signature = ''] = jws.split('.');
  return `${header}..${signature}`;
}

/** What is read of a document before its signature has been judged: anyone may have written it. */
const DOCUMENT = z.looseObject({
  schema: z.literal(REPORT_SCHEMA),
  title: z.string(),
  summary: z.array(z.string()),
  cover: z.record(z.string(), z.string()),
  tables: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))),
  contentSha256: z.string(),
  number: z.number().nullable(),
  generatedAt: z.string(),
  previous: z.object({ number: z.number(), sha256: z.string() }).nullable(),
  sha256: z.string(),
  signature: z.string().nullable(),
});

export type ReportVerdict = {
  title?: string;
  number?: number | null;
  generatedAt?: string;
  sha256?: string;
  previous?: ReportMark | null;
  /** the key that signed */
  key?: string;
  faults: string[];
};

/** Checks a document by itself. @param keys public keys that the reader trusts; undefined: its signature is not judged */
export async function verifyReport(text: string, keys: readonly JWK[] | undefined): Promise<ReportVerdict> {
  const document = documentOf(text);
  if (document === undefined) return { faults: [notReport(text)] };
  const faults: string[] = [];
  const { signature, ...signed } = document;
  const { sha256, ...bare } = signed;
  const { contentSha256, number, generatedAt, issuedBy: _, previous, ...content } = bare;
  if (hex(canonical(content)) !== contentSha256) faults.push('contentSha256 is not that of what the report says.');
  if (hex(canonical(bare)) !== sha256) faults.push('sha256 is not that of the document.');
  if (`${canonical(document)}\n` !== text && canonical(document) !== text)
    faults.push('The file is not in canonical form (RFC 8785).');
  const key = signature === null || keys === undefined ? undefined : await signer(signature, canonical(signed), keys);
  if (signature === null) faults.push('It is not signed.');
  else if (key === undefined && keys !== undefined)
    faults.push('The signature does not hold: the report was changed, or another key signed it.');
  return {
    title: document.title,
    number,
    generatedAt,
    sha256,
    previous,
    ...(key === undefined ? {} : { key }),
    faults,
  };
}

/** Why a text is no document. What it says itself is reported where it is a schema of ours, as that of a later version of this program. */
function notReport(text: string): string {
  const named = /"schema":"(payer-node\/compliance-report\/\d{1,9})"/.exec(text)?.[1];
  if (!isJson(text)) return 'It is no whole JSON document: it was cut, or something was added.';
  return named !== undefined && named !== REPORT_SCHEMA
    ? `It is a report of the schema ${named}: this version of the program verifies ${REPORT_SCHEMA}.`
    : `It is no report of the schema ${REPORT_SCHEMA}.`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Numbers of reports that an issued one of several follows, and that are not among them. */
export function missingReports(reports: readonly ReportVerdict[]): number[] {
  const issued = reports.filter((r) => typeof r.number === 'number');
  const there = new Set(issued.map((r) => r.number));
  return issued.flatMap(({ previous }) => (previous && !there.has(previous.number) ? [previous.number] : []));
}

/**
 * Does each issued report name the one before it? @param reports verdicts of several, in any order; those between which
 * some are missing are not compared
 */
export function chainFaults(reports: readonly ReportVerdict[]): string[] {
  const issued = new Map<number, ReportVerdict>();
  const faults: string[] = [];
  for (const r of reports) {
    if (typeof r.number !== 'number') continue;
    if (issued.has(r.number) && issued.get(r.number)?.sha256 !== r.sha256)
      faults.push(`There are two reports No. ${r.number}, and they differ.`);
    issued.set(r.number, r);
  }
  for (const [number, { previous }] of issued) {
    const before = issued.get(number - 1);
    if ((previous?.number ?? 0) !== number - 1) faults.push(`Report No. ${number} does not name No. ${number - 1}.`);
    else if (before && before.sha256 !== previous?.sha256)
      faults.push(`Report No. ${number} names another No. ${number - 1} than this one.`);
  }
  return faults;
}

type Document = z.infer<typeof DOCUMENT> & JsonObject;

/** Undefined when it is none of this schema. Nothing of it has been judged. */
export function documentOf(text: string): Document | undefined {
  try {
    const parsed = JSON.parse(text) as unknown;
    return isObject(parsed) && DOCUMENT.safeParse(parsed).success ? (parsed as Document) : undefined;
  } catch {
    return undefined;
  }
}

/** The kid whose key signed; undefined when none did. */
async function signer(detached: string, payload: string, keys: readonly JWK[]): Promise<string | undefined> {
  const [header = '', empty, signature = ''] = detached.split('.');
  if (empty !== '') return undefined;
  try {
    const { protectedHeader } = await flattenedVerify(
      { protected: header, payload: Buffer.from(payload).toString('base64url'), signature },
      createLocalJWKSet({ keys: [...keys] }),
      { algorithms: ['ES384'] },
    );
    return protectedHeader?.typ === REPORT_TYPE ? (protectedHeader.kid ?? '') : undefined;
  } catch {
    return undefined;
  }
}

// Is a restored copy of this node whole? What `drill check` finds there is a document that the copy's own evidence key
// signs: the node that it is a copy of takes it as the record of a restore that was tried (45 CFR
// 164.308(a)(7)(ii)(D)). Nothing is written into the copy.
import { createHash } from 'node:crypto';
import { CompactSign, createLocalJWKSet, flattenedVerify, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { gunzipped } from '../../../src/blobs/gunzipped.ts';
import type { Deps } from '../../../src/deps.ts';
import { AS_IT_IS, canonicalJson } from '../../../src/fhir/canonical.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { VERSION } from '../../../src/version.ts';
import { verifyAudit } from '../audit/verify.ts';
import { findIssued, issuedFaults, issuedReports } from '../evidence/issue-report.ts';
import { serverMark } from './restore-drill-rows.ts';
import { namedFiles, recordsRead } from './restored-copy.ts';

export const CHECK_SCHEMA = 'payer-node/restore-check/1';
/** `typ` of the signature. */
const CHECK_TYPE = 'restore-check+jws';
/** At most so many faults are listed of each check, and so many characters of each. */
const MOST_FAULTS = 5;
const MOST_FAULT = 200;

type Needs = Pick<Deps, 'database' | 'keys' | 'blobs' | 'clock' | 'config'>;
/** @returns what to say when all is well. @throws Error with a sentence */
export type RestoreQuestion = { name: string; run: () => Promise<string> | string };

const CHECK = z.strictObject({
  schema: z.literal(CHECK_SCHEMA),
  plan: z.string().max(200),
  version: z.string().max(100),
  at: z.iso.datetime(),
  tookSeconds: z.number().int().nonnegative(),
  /** of the server that ran then: it must not be the one that the copy is of */
  server: z.string().regex(/^[0-9a-f]{64}$/),
  head: z
    .strictObject({ id: z.number().int().positive(), root: z.string().regex(/^[0-9a-f]{64}$/), at: z.iso.datetime() })
    .nullable(),
  checks: z
    .array(
      z.strictObject({
        name: z.string().max(60),
        isOk: z.boolean(),
        said: z.string().max(MOST_FAULTS * (MOST_FAULT + 1)),
      }),
    )
    .min(1)
    .max(50),
  signature: z.string().max(1000),
});
export type RestoreCheck = z.infer<typeof CHECK>;

const canonical = (value: object): string => canonicalJson(JSON.parse(JSON.stringify(value)) as JsonObject, AS_IT_IS);
const number = new Intl.NumberFormat('en-US');

/** @throws Error with the first of them, when there are any */
function none(faults: readonly string[]): void {
  if (faults.length === 0) return;
  const shown = faults.slice(0, MOST_FAULTS).map((f) => f.slice(0, MOST_FAULT));
  throw new Error(
    faults.length > shown.length
      ? `${shown.slice(0, -1).join(' ')} … (${number.format(faults.length)} in all)`
      : shown.join(' '),
  );
}

/** All files that the database names are there, and as they were written. */
async function filesWhole(deps: Needs): Promise<string> {
  const faults: string[] = [];
  let n = 0;
  const reader = deps.database.dedicated('work');
  try {
    for await (const files of namedFiles(reader))
      for (const file of files) {
        n++;
        const fault = await fileFault(deps, file);
        if (fault !== undefined) faults.push(`${file.key} ${fault}.`);
      }
  } finally {
    await reader.end({ timeout: 5 });
  }
  none(faults);
  return `${number.format(n)} files, each with the SHA-256 that is noted`;
}

async function fileFault(
  { blobs }: Pick<Needs, 'blobs'>,
  { key, sha256, isPacked }: { key: string; sha256: string; isPacked: boolean },
): Promise<string | undefined> {
  const stored = await blobs.get(key);
  if (!stored) return 'is missing';
  const hash = createHash('sha256');
  try {
    for await (const chunk of isPacked ? gunzipped(stored) : stored) hash.update(chunk);
  } catch {
    return 'cannot be read';
  }
  return hash.digest('hex') === sha256 ? undefined : 'was changed';
}

async function reportsStand(deps: Needs): Promise<string> {
  const { sql } = deps.database;
  const [last] = await issuedReports(sql, 1);
  const faults: string[] = [];
  for (let n = 1; n <= (last?.number ?? 0); n++) {
    const report = await findIssued(sql, n);
    if (!report) faults.push(`Report No. ${n} is missing.`);
    else for (const fault of await issuedFaults(deps, report)) faults.push(`Report No. ${n}: ${fault}`);
  }
  none(faults);
  return `${number.format(last?.number ?? 0)} issued, each as it was signed`;
}

/**
 * Asks a restored copy everything.
 * @param known a signed head that was kept elsewhere: the copy must reach so far
 * @param further questions of whom that knows more of where it runs
 * @param tell is called for each answer as it comes
 * @returns the signed document, a line of canonical JSON
 */
export async function checkRestored(
  deps: Needs,
  options: {
    known?: string | undefined;
    further: readonly RestoreQuestion[];
    tell: (check: RestoreCheck['checks'][number]) => void;
  },
): Promise<{ text: string; isOk: boolean }> {
  const at = deps.clock();
  const { sql } = deps.database;
  let head: RestoreCheck['head'] = null;
  const questions: RestoreQuestion[] = [
    {
      name: 'audit trail',
      run: async () => {
        const verdict = await verifyAudit(deps, options.known);
        if (verdict.head) head = { id: verdict.head.id, root: verdict.head.root, at: verdict.head.at };
        none(verdict.faults.map((f) => f.text));
        if (!verdict.head) throw new Error('There is none: this is an empty node.');
        return `${number.format(verdict.rows)} rows in ${number.format(verdict.seals)} seals stand as they were written, up to ${verdict.head.at}`;
      },
    },
    { name: 'issued reports', run: () => reportsStand(deps) },
    {
      name: 'records',
      run: async () => {
        const { members, records, versions, directory } = await recordsRead(sql);
        return `${number.format(records)} of ${number.format(members)} members, ${number.format(versions)} former versions and ${number.format(directory)} of the directory could be read`;
      },
    },
    { name: 'stored files', run: () => filesWhole(deps) },
    ...options.further,
  ];
  const checks: RestoreCheck['checks'] = [];
  for (const { name, run } of questions) {
    const answer = await (async () => run())().then(
      (said) => ({ name, isOk: true, said }),
      (error: unknown) => ({ name, isOk: false, said: error instanceof Error ? error.message : 'unknown' }),
    );
    const check = { ...answer, said: answer.said.slice(0, MOST_FAULTS * (MOST_FAULT + 1)) };
    checks.push(check);
    options.tell(check);
  }
  const bare = {
    schema: CHECK_SCHEMA,
    plan: deps.config.planName,
    version: VERSION,
    at: at.toISOString(),
    tookSeconds: Math.round((deps.clock().getTime() - at.getTime()) / 1000),
    server: await serverMark(sql),
    head,
    checks,
  };
  const key = await deps.keys.signing('evidence');
  const jws = await new CompactSign(Buffer.from(canonical(bare)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: CHECK_TYPE })
    .sign(await importJWK(key, key.alg));
  const [header = '', , signature = ''] = jws.split('.');
  return {
    text: `${canonical({ ...bare, signature: `${header}..${signature}` })}\n`,
    isOk: checks.every((c) => c.isOk),
  };
}

/** What a document says. @returns `unread` when it is none of this schema, `unsigned` when none of the keys signed it */
export async function readRestoreCheck(
  text: string,
  keys: readonly JWK[],
): Promise<RestoreCheck | 'unread' | 'unsigned'> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return 'unread';
  }
  const read = CHECK.safeParse(parsed);
  if (!read.success) return 'unread';
  const { signature: detached, ...signed } = read.data;
  const [header = '', , signature = ''] = detached.split('.');
  try {
    const { protectedHeader } = await flattenedVerify(
      { protected: header, payload: Buffer.from(canonical(signed)).toString('base64url'), signature },
      createLocalJWKSet({ keys: [...keys] }),
      { algorithms: ['ES384'] },
    );
    return protectedHeader?.typ === CHECK_TYPE ? read.data : 'unsigned';
  } catch {
    return 'unsigned';
  }
}

// `evidence pack`, `evidence report`, `evidence verify` and `evidence keys`.
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { findIssued, issueReport } from '../compliance/evidence/issue-report.ts';
import { writePack } from '../compliance/evidence/pack.ts';
import { chainFaults, missingReports, verifyReport } from '../compliance/evidence/report-document.ts';
import { verifyPack } from '../compliance/evidence/verify-pack.ts';
import { instantsOf, type Period, readPeriod } from '../compliance/report/period.ts';
import { LINES_OF_BUSINESS } from '../members/deadlines/rules.ts';
import { peerLines } from '../staff/data/lists.ts';

const number = new Intl.NumberFormat('en-US');

function periodOf(text: string): Period {
  const period = readPeriod(text);
  if (!period)
    throw new CommandFault(
      `"${text}" is no period: write a year (2027), quarter (2027-Q1), month (2027-03), day or two days (2027-03-01/2027-03-31).`,
    );
  return period;
}

/** Writes FILE and FILE.jws, and records that it was made. */
export async function evidencePack(options: { period: string; out: string }): Promise<void> {
  const period = periodOf(options.period);
  await withNode(async ({ deps }) => {
    if (instantsOf(period, deps.config.timeZone).from > deps.clock())
      throw new CommandFault(`The period ${period.name} has not begun: there is nothing to show of it.`);
    const index = await writePack(deps, period, options.out).catch((cause: unknown) => {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw new CommandFault(`${options.out} or its .jws exists already.`, { cause });
      if (code !== undefined && ['ENOENT', 'EACCES', 'ENOTDIR', 'EISDIR', 'EROFS'].includes(code))
        throw new CommandFault(`${options.out} cannot be written.`, { cause });
      throw cause;
    });
    await writeAudit(deps.database.sql, [
      auditRow({
        at: deps.clock(),
        actorKind: 'command',
        actor: person(),
        action: 'evidence-pack',
        object: `report/${period.name}`,
        detail: { items: index.items.length },
      }),
    ]);
    for (const item of index.items)
      say(`${number.format(item.bytes).padStart(14)}  ${item.path.padEnd(20)} ${item.what}`);
    say(`Evidence of ${period.first} to ${period.last} in ${options.out}, its signature in ${options.out}.jws.`);
  });
}

/** Issues the report of a period, and writes its signed document to FILE. */
export async function evidenceReport(options: {
  period: string;
  lob?: string;
  peer?: string;
  out: string;
}): Promise<void> {
  const period = periodOf(options.period);
  const { lob, peer: peerId } = options;
  if (lob !== undefined && !Object.hasOwn(LINES_OF_BUSINESS, lob))
    throw new CommandFault(
      `There is no line of business "${lob}": it is one of ${Object.keys(LINES_OF_BUSINESS).join(', ')}.`,
    );
  if (existsSync(options.out)) throw new CommandFault(`${options.out} exists already.`);
  await withNode(async ({ deps }) => {
    if (peerId !== undefined && !(await peerLines(deps.database.sql)).some((p) => p.id === peerId))
      throw new CommandFault(`There is no payer "${peerId}".`);
    const scope = { period, ...(lob === undefined ? {} : { lob }), ...(peerId === undefined ? {} : { peerId }) };
    const number = await issueReport(deps, scope, { kind: 'command', subject: person(), requestId: '' });
    if (number === 'future')
      throw new CommandFault(`The period ${period.name} has not begun: there is nothing to report of it.`);
    if (number === 'no-key') throw new CommandFault('There is no evidence key to sign it with.');
    const issued = await findIssued(deps.database.sql, number);
    try {
      writeFileSync(options.out, issued?.document ?? '', { flag: 'wx', mode: 0o600 });
    } catch (cause) {
      throw new CommandFault(
        `Report No. ${number} is issued, and stands at ${deps.config.baseUrl}/staff/reports/${number}, but ${options.out} cannot be written.`,
        { cause },
      );
    }
    say(`Report No. ${number} of ${period.first} to ${period.last} in ${options.out}: SHA-256 ${issued?.sha256 ?? ''}`);
  });
}

/** Prints the public keys by which packs, heads and reports are verified, to be kept elsewhere. */
export async function evidenceKeys(): Promise<void> {
  await withNode(async ({ deps }) => say(JSON.stringify({ keys: await deps.keys.published('evidence') }, null, 2)));
}

function keysIn(file: string): JWK[] {
  try {
    const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys: JWK[] };
    if (!Array.isArray(keys)) throw new Error('no keys');
    return keys;
  } catch (cause) {
    throw new CommandFault(`${file} is no readable set of public keys.`, { cause });
  }
}

/** Does a file begin as a JSON object? A pack is a ZIP. */
function isReport(file: string): boolean {
  const handle = openSync(file, 'r');
  try {
    const first = Buffer.alloc(1);
    readSync(handle, first, 0, 1, 0);
    return first.toString() === '{';
  } finally {
    closeSync(handle);
  }
}

/** Issued reports, each by itself and whether one follows the other. */
async function verifyReports(files: readonly string[], keys: JWK[] | undefined, asJson: boolean): Promise<void> {
  if (keys === undefined)
    throw new CommandFault('A report does not hold the keys that sign it: name them with --keys (evidence keys).');
  const verdicts = await Promise.all(
    files.map(async (file) => ({ file, ...(await verifyReport(readFileSync(file, 'utf8'), keys)) })),
  );
  const chain = chainFaults(verdicts);
  const missing = missingReports(verdicts);
  const isWrong = chain.length > 0 || verdicts.some((v) => v.faults.length > 0);
  if (isWrong) process.exitCode = 1;
  if (asJson) return say(JSON.stringify({ reports: verdicts, faults: chain, missing }));
  for (const v of verdicts) {
    const which = typeof v.number === 'number' ? `No. ${v.number}, ` : '';
    say(`${v.file}: ${which}${v.title ?? 'unknown'}, of ${v.generatedAt ?? 'unknown'}`);
    if (v.sha256 !== undefined) say(`  SHA-256 ${v.sha256}${v.key === undefined ? '' : `, signed by key ${v.key}`}`);
    if (v.previous) say(`  follows No. ${v.previous.number}, SHA-256 ${v.previous.sha256}`);
    for (const text of v.faults) say(`  WRONG  ${text}`);
  }
  for (const text of chain) say(`WRONG  ${text}`);
  for (const n of files.length === 1 ? [] : missing) say(`No. ${n} is not among them, and the one after it is.`);
  say(
    isWrong
      ? 'Not as it was made.'
      : files.length === 1
        ? 'The report stands as it was made.'
        : 'The reports stand as they were made.',
  );
}

/** Needs no node. Exit code 1 when anything is wrong. @param files one pack, or issued reports */
export async function evidenceVerify(files: string[], options: { keys?: string; json?: boolean }): Promise<void> {
  const keys = options.keys === undefined ? undefined : keysIn(options.keys);
  for (const file of files)
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new CommandFault(`There is no file ${file}.`);
  const reports = files.filter(isReport);
  if (reports.length === files.length) return verifyReports(files, keys, options.json === true);
  const [file = ''] = files;
  if (files.length > 1) throw new CommandFault('Packs are verified one at a time; several files must all be reports.');
  const verdict = await verifyPack(file, keys);
  if (verdict.faults.length > 0) process.exitCode = 1;
  if (options.json) return say(JSON.stringify(verdict));
  if (verdict.index) {
    const { plan, period, asOf } = verdict.index;
    say(`${plan.name} (${plan.npi}), ${period.first} to ${period.last}, as of ${asOf}`);
  }
  say(`${verdict.items} files, ${number.format(verdict.rows)} audit rows in ${number.format(verdict.seals)} seals`);
  if (verdict.keys.length > 0)
    say(
      `signed by key ${verdict.keys.join(', ')}${keys === undefined ? ' (from the pack itself: compare it with one you got elsewhere, or give --keys)' : ''}`,
    );
  for (const text of verdict.faults) say(`WRONG  ${text}`);
  say(verdict.faults.length === 0 ? 'The pack stands as it was made.' : 'The pack was changed, or is not complete.');
}

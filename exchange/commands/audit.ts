// `audit verify`, `audit head` and `audit content`.
import { readFileSync } from 'node:fs';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { lastSeal } from '../compliance/audit/audit-seal.ts';
import { checkAudit } from '../compliance/audit/check.ts';
import { sealAll } from '../compliance/audit/run-seal.ts';
import { walkContent } from '../compliance/export-check/check-files.ts';

const number = new Intl.NumberFormat('en-US');

/** Checks the whole trail. Exit code 1 when anything is wrong. */
export async function auditVerify(options: { head?: string; json?: boolean }): Promise<void> {
  let known: string | undefined;
  if (options.head !== undefined)
    try {
      known = readFileSync(options.head, 'utf8');
    } catch (cause) {
      throw new CommandFault(`The file ${options.head} cannot be read.`, { cause });
    }
  await withNode(async ({ deps }) => {
    const verdict = await checkAudit(deps, { kind: 'command', name: person() }, known);
    if (verdict.faults.length > 0) process.exitCode = 1;
    if (options.json) return say(JSON.stringify(verdict));
    say(`${number.format(verdict.rows)} rows in ${number.format(verdict.seals)} seals`);
    if (verdict.head) say(`head: seal ${verdict.head.id} of ${verdict.head.at}, ${verdict.head.root}`);
    say(
      verdict.tail.rows === 0
        ? 'nothing waits to be sealed'
        : `${number.format(verdict.tail.rows)} rows wait to be sealed, the oldest of ${verdict.tail.oldest}`,
    );
    for (const fault of verdict.faults) say(`WRONG  ${fault.text}`);
    say(verdict.faults.length === 0 ? 'The audit trail stands as it was written.' : 'The audit trail was changed.');
  });
}

/** Prints the newest signed head, to be kept where this node cannot write. */
export async function auditHead(): Promise<void> {
  await withNode(async ({ deps }) => {
    await sealAll(deps);
    const last = await lastSeal(deps.database.sql);
    if (!last) throw new CommandFault('Nothing has been recorded yet.');
    say(last.jws);
  });
}

const MOST_SHOWN = 100;

/** Exit code when nothing was found in the files that are there, and others are not. */
const NOT_THERE = 2;

/** Walks the files of exports for what must not leave. Exit code 1 when anything is found, 2 when files are not there to be walked. */
export async function auditContent(job: string | undefined, options: { json?: boolean }): Promise<void> {
  await withNode(async ({ deps }) => {
    let shown = 0;
    const verdict = await walkContent(deps, job, (fault) => {
      if (options.json) say(JSON.stringify(fault));
      else if (fault.kind !== 'missing-file' && shown++ < MOST_SHOWN)
        say(
          `FOUND  ${fault.kind}: export ${fault.job}, file ${fault.file} (${fault.type}), line ${fault.line} ${fault.path}`,
        );
    });
    if (!verdict) throw new CommandFault(`There is no export "${job}" whose files are there.`);
    if (verdict.faults > 0) process.exitCode = 1;
    else if (verdict.missing > 0) process.exitCode = NOT_THERE;
    if (options.json) return say(JSON.stringify(verdict));
    if (shown > MOST_SHOWN) say(`… and ${number.format(shown - MOST_SHOWN)} more`);
    say(
      `${number.format(verdict.lines)} lines in ${number.format(verdict.files)} files of ${number.format(verdict.jobs)} exports`,
    );
    if (verdict.missing > 0)
      say(
        `${number.format(verdict.missing)} of them are not where BLOBS_DIR points (${deps.config.blobsDir}): nothing can be said of what they hold.`,
      );
    if (verdict.faults > 0) say(`${number.format(verdict.faults)} places must not leave.`);
    else if (verdict.missing === 0) say('Nothing that must not leave was found.');
    else if (verdict.missing < verdict.files) say('Nothing that must not leave was found in the others.');
  });
}

// `evidence pack`, `evidence verify`, and `compliance report`.
import { readFileSync, statSync } from 'node:fs';
import type { JWK } from 'jose';
import { writePack } from '../../exchange/audit/pack.ts';
import { verifyPack } from '../../exchange/audit/verify-pack.ts';
import { instantsOf, type Period, readPeriod } from '../../exchange/report/period.ts';
import { auditRow, writeAudit } from '../../exchange/store/audit/audit.ts';
import { CommandFault } from './fault.ts';
import { person, withNode } from './node.ts';
import { say } from './say.ts';

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

/** Needs no node. Exit code 1 when anything is wrong. */
export async function evidenceVerify(file: string, options: { keys?: string; json?: boolean }): Promise<void> {
  let keys: JWK[] | undefined;
  if (options.keys !== undefined)
    try {
      keys = (JSON.parse(readFileSync(options.keys, 'utf8')) as { keys: JWK[] }).keys;
      if (!Array.isArray(keys)) throw new Error('no keys');
    } catch (cause) {
      throw new CommandFault(`${options.keys} is no readable set of public keys.`, { cause });
    }
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new CommandFault(`There is no file ${file}.`);
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

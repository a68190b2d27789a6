// `payer-node drill`: a backup is restored now and then, and looked at. `check` runs on the restored copy, `record` on the node that it is a copy of.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { CommandFault } from '../../src/runtime/fault.ts';
import { dataFolder, filesFolder } from '../../src/runtime/folders.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { checkRestored } from '../compliance/restore/restore-check.ts';
import { DRILL_FAULTS, drillDue, recordDrill, restoreDrills } from '../compliance/restore/restore-drill.ts';
import { inRole } from './doctor.ts';
import { memberNumbers } from './member-numbers.ts';

const MOST_LISTED = 100;

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CommandFault(`The file ${file} cannot be read.`, { cause });
  }
}

/** Exit code 1 when anything is wrong; the document is written all the same: a drill that failed is one. */
async function drillCheck(options: { out: string; head?: string }): Promise<void> {
  if (existsSync(options.out)) throw new CommandFault(`${options.out} exists already.`);
  const known = options.head === undefined ? undefined : textOf(options.head);
  await withNode(async ({ deps, directory, config }) => {
    const { text, isOk } = await checkRestored(deps, {
      known,
      further: [
        { name: 'data folder', run: () => dataFolder(config.dataDir) },
        { name: 'files folder', run: () => filesFolder(config.blobsDir, config.diskReserveMb) },
        {
          name: 'directory role',
          run: async () => {
            await inRole(directory.database.sql);
            return 'may read the directory';
          },
        },
        { name: 'member numbers', run: () => memberNumbers(deps.database.sql) },
      ],
      tell: ({ name, isOk, said }) => say(`${isOk ? '✔' : '✘'} ${name}: ${said}`),
    });
    try {
      writeFileSync(options.out, text, { flag: 'wx', mode: 0o600 });
    } catch (cause) {
      throw new CommandFault(`${options.out} cannot be written.`, { cause });
    }
    if (!isOk) process.exitCode = 1;
    say(
      `${isOk ? 'The copy is whole.' : 'The copy is not whole.'} Record it on the node that it is a copy of: payer-node drill record ${options.out} --backup "…"`,
    );
  });
}

async function drillRecord(
  file: string | undefined,
  options: { backup: string; minutes?: string; note?: string; failed?: string },
): Promise<void> {
  const { backup, minutes = '', note = '', failed: failure = '' } = options;
  const document = file === undefined ? '' : textOf(file);
  await withNode(async ({ deps }) => {
    const who = { kind: 'command', subject: person(), requestId: '' } as const;
    const done = await recordDrill(deps, { document, failure, backup, note, minutes }, who);
    if ('fault' in done) throw new CommandFault(DRILL_FAULTS[done.fault]);
    const due = await drillDue(deps);
    const next = due === undefined ? '' : ` The next one is due by ${due.toISOString().slice(0, 10)}.`;
    say(`${done.id} is recorded: ${done.isOk ? 'the backup restores.' : 'the restore failed.'}${next}`);
  });
}

async function drillList(): Promise<void> {
  await withNode(async ({ deps }) => {
    const drills = await restoreDrills(deps.database.sql, MOST_LISTED);
    if (drills.length === 0) say('No restore was ever recorded.');
    for (const d of drills)
      say(
        `${d.at.toISOString().slice(0, 10)}  ${d.isOk ? 'whole ' : 'FAILED'}  ${d.bySubject}  ${d.backup}${d.isOk ? '' : `  ${d.faults.join(' ')}`}`,
      );
    const due = await drillDue(deps);
    if (due !== undefined) say(`The next one is due by ${due.toISOString().slice(0, 10)}.`);
  });
}

export function drillCommands(): Command {
  const drill = new Command('drill').description('backups that are restored to see that they can be');
  drill
    .command('check')
    .description('on a restored copy: is it whole? Exit code 1 when it is not')
    .requiredOption('--out <file>', 'where what was found is written, signed')
    .option('--head <file>', 'a signed head that was kept elsewhere ("audit head"): the copy must reach so far')
    .action(drillCheck);
  drill
    .command('record')
    .description('on the node that the backup is of: what "drill check" found on the copy')
    .argument('[file]', 'what "drill check" wrote')
    .requiredOption('--backup <text>', 'which backup: when it was made and where it lay')
    .option('--minutes <n>', 'how long the restore took until the copy could serve')
    .option('--note <text>', 'what is to be done better')
    .option('--failed <text>', 'nothing could be restored: why')
    .action(drillRecord);
  drill
    .command('list')
    .description('all that were recorded, the newest first, and when the next one is due')
    .action(drillList);
  return drill;
}

// The `payer-node` command.
import { Argument, Command, Option } from 'commander';
import { startBackground } from '../directory/commands/background.ts';
import { harvestCommands } from '../directory/commands/harvest-commands.ts';
import { importDirectory, importTaxonomy, loadDemoDirectory } from '../directory/commands/import-directory.ts';
import { publish, publishFirst, publishProbe } from '../directory/commands/publish.ts';
import { checkIndex, reindexDirectory } from '../directory/commands/reindex.ts';
import { federationPages } from '../directory/federation/staff/pages.ts';
import { staffData } from '../directory/federation/staff-data.ts';
import { mountDirectory } from '../directory/mount.ts';
import { auditContent, auditHead, auditVerify } from '../exchange/commands/audit.ts';
import { doctor } from '../exchange/commands/doctor.ts';
import { drillCommands } from '../exchange/commands/drill.ts';
import { evidenceKeys, evidencePack, evidenceReport, evidenceVerify } from '../exchange/commands/evidence.ts';
import { holdCommands } from '../exchange/commands/holds.ts';
import { importMembersCommand } from '../exchange/commands/import-members.ts';
import {
  membersContacts,
  membersInvite,
  membersOne,
  membersRelabel,
  membersTwo,
} from '../exchange/commands/members.ts';
import { peerCommands } from '../exchange/commands/peer-commands.ts';
import { pullAccept, pullGiveUp, pullList, pullRun, pullShow } from '../exchange/commands/pulls.ts';
import { reconcileCommand } from '../exchange/commands/reconcile.ts';
import { report } from '../exchange/commands/report.ts';
import { firstPullReport, isSeeded, readdress, seedSandbox } from '../exchange/commands/sandbox.ts';
import { mountExchange } from '../exchange/mount.ts';
import { staffPages } from '../exchange/staff/staff-pages.ts';
import { startWork } from '../exchange/work.ts';
import { runMigrate, runSeedCommand } from './runtime/data-commands.ts';
import { faultSentence, tellUncaught, unexpectedFault } from './runtime/fault.ts';
import { ROTATED_USES, rotateKey } from './runtime/keys.ts';
import { type Composition, parseServices, serveNode } from './runtime/serve.ts';
import { VERSION } from './version.ts';

// `payer-node … | head -1`: who reads has seen enough. What is done goes on to its end; what it says goes nowhere.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

tellUncaught();

/** The program: both services over the core, which knows neither. */
const COMPOSITION: Composition = {
  directory: { mount: mountDirectory, checkIndex, publishFirst, startBackground },
  exchange: {
    mount: mountExchange,
    staffPages: (node) => staffPages(node, [(router) => federationPages(router, staffData(node.deps))]),
    startWork,
  },
  sandbox: {
    isSeeded,
    readdress,
    seed: (ours, prior, print) => seedSandbox(ours, prior, print, loadDemoDirectory),
    firstPullReport,
  },
};

const program = new Command('payer-node')
  .description(
    'Plan-Net provider directory and payer-to-payer exchange of a health plan. Settings come from the environment: docs/settings.md.',
  )
  .version(VERSION)
  .showHelpAfterError('(payer-node --help lists the commands)')
  .enablePositionalOptions();

program
  .command('serve', { isDefault: true })
  .description('run the node; in the sandbox with its demo payer')
  .argument('[services]', 'all, directory or exchange', 'all')
  .action((services: string) => serveNode(COMPOSITION, parseServices(services), process.env));

program
  .command('migrate')
  .description("bring the database to this program's schema")
  .option('--plan', 'show what would be done and change nothing')
  .action(runMigrate);

program
  .command('seed')
  .description('write invented data to files')
  .argument('<kind>', 'directory or members')
  .requiredOption('--out <folder>', 'where to write')
  .option('--size <n>', 'resources of a directory, or members', '1000')
  .option('--seed <n>', 'same number, same data', '1')
  .option('--gzip', 'compress the files')
  .action(runSeedCommand);

const load = program
  .command('import')
  .description('load data from files: NDJSON, Bundles, folders of them, plain or gzip');
load
  .command('directory')
  .description('load a directory: Plan-Net, tables of providers and plans (CSV), NPPES extracts, QHP JSON')
  .argument('[path...]', 'files or folders')
  .option('--network <name>', 'NPPES files: the network that everybody in them belongs to')
  .option('--template <folder>', 'write empty tables of providers and plans instead of loading')
  .option('--strict', 'reject what has any finding')
  .option('--mirror', 'the data is known to be valid: do not validate')
  .option('--rejects <file>', 'where rejected lines go', 'rejects.ndjson')
  .action(importDirectory);
load
  .command('taxonomy')
  .description('load your copy of the provider taxonomy (NUCC CSV): imports check specialties against it')
  .argument('<file>')
  .action(importTaxonomy);
load
  .command('members')
  .description("load members' records and enrolment")
  .argument('[path...]', 'files or folders of records')
  .option('--enrolment <file>', 'enrolment CSV: docs/enrollment.md')
  .option('--enrolment-from-coverage', 'take enrolment and other payers from the Coverage records')
  .option('--x12', 'the enrolment file is an X12 834 file')
  .option('--member-ref <qualifier>', 'with --x12: REF01 of the member’s own number', '23')
  .addOption(
    new Option('--line-of-business <code>', 'with --x12 or --enrolment-from-coverage: of all members')
      .choices(['ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp'])
      .default('ma'),
  )
  .option('--full', 'the enrolment file names everybody who is covered in its lines of business (an 834 may say so)')
  .option('--absent <file>', 'where those go who are covered here and absent from a full file', 'absent.csv')
  .option('--end-absent <day>', 'with a full file: the last day (YYYY-MM-DD) of the coverage of those absent from it')
  .option(
    '--absent-most <n>',
    'with --end-absent: end so many at most (usually one in ten of those covered in each line of business)',
  )
  .option('--enrolment-template <file>', 'write an enrolment CSV for these records instead of loading them')
  .option('--prior-payer <peer>', 'with --enrolment-template: a file for the node that will ask this payer')
  .option('--strict', 'reject what has any finding')
  .option('--rejects <file>', 'where rejected lines go', 'rejects.ndjson')
  .action(importMembersCommand);

program
  .command('reindex')
  .description('rebuild a search index from what is stored')
  .addCommand(
    new Command('directory').description('after an update of the program or of BASE_URL').action(reindexDirectory),
  );

program.addCommand(peerCommands());

const members = program.command('members').description('choices of members about the exchange');
members
  .command('invite')
  .description('make a link for every member who has not chosen, for a mailing')
  .requiredOption('--out <file>', 'CSV of member number and link')
  .action(membersInvite);
members
  .command('contacts')
  .description('record what was delivered: offers, questions about other payers, education, reminders')
  .argument('<file>', 'CSV: member_number,kind,at,channel,result,language')
  .action(membersContacts);
members
  .command('relabel')
  .description('decide again which records are sensitive, after an update of the value sets')
  .action(membersRelabel);
members
  .command('one')
  .description('two members are one person: the second goes on as the first; docs/decisions/022')
  .argument('<stays>', 'number, Patient id or key of the member that stays')
  .argument('<former>', 'of the one that goes on as it')
  .requiredOption('--reason <text>', 'why, for those who read it later')
  .option('--confirm <doubt...>', 'what speaks against it and was looked at')
  .action(membersOne);
members
  .command('two')
  .description('take back that two members are one person')
  .argument('<former>', 'Patient id, key or former number of the member that goes on as another')
  .requiredOption('--reason <text>', 'why, for those who read it later')
  .action(membersTwo);
harvestCommands(program);

const pull = program.command('pull').description("members' history from other payers");
pull
  .command('run')
  .description('ask now, and wait for the end')
  .argument('[peer]', 'only this payer')
  .option('--full', 'ask for everything, not only for what changed since the last time')
  .option('--member <id...>', 'only these members')
  .action(pullRun);
pull.command('list').description('the newest pulls').action(pullList);
pull.command('show').description('one pull').argument('<pull>').action(pullShow);
pull
  .command('accept')
  .description(
    'take a pull as it is: one that is not what its manifest declared goes on; one that its payer left incomplete is closed',
  )
  .argument('<pull>')
  .requiredOption('--reason <text>', 'why, for the report')
  .action(pullAccept);
pull
  .command('give-up')
  .description('end a pull that waits for its payer; its members are asked for again')
  .argument('<pull>')
  .requiredOption('--reason <text>', 'why, for the report')
  .action(pullGiveUp);

program.addCommand(reconcileCommand());
program.addCommand(holdCommands());
program.addCommand(drillCommands());

const publishing = program
  .command('publish')
  .description('make a publication of the directory when one is due')
  .option('--now', 'even when none is due')
  .option('--only <part...>', 'only these parts, now: bulk, mpf, qhp, index')
  .action(publish);
publishing
  .command('probe')
  .description('read a Medicare Plan Finder index and its files at their live address, as CMS would')
  .argument('<url>', 'address of an index.json')
  .option('--contract <contract>', 'when the URL does not name it: H1234')
  .option('--year <year>', 'when the URL does not name it')
  .action(publishProbe);

program
  .command('report')
  .description('the report of a pull')
  .argument('<pull>')
  .addOption(new Option('--format <format>', 'how').choices(['html', 'csv', 'json']).default('html'))
  .action(report);

const audit = program.command('audit').description('the audit trail');
audit
  .command('verify')
  .description('check every row, seal and signature; exit code 1 when anything was changed')
  .option('--head <file>', 'a signed head that was kept elsewhere: it must still be there')
  .option('--json', 'as JSON')
  .action(auditVerify);
audit
  .command('content')
  .description('walk the files of exports for what must not leave; exit code 1 when anything is found')
  .argument('[job]', 'one export; else all whose files are there')
  .option('--json', 'one fault a line as JSON, then the verdict')
  .action(auditContent);
audit.command('head').description('print the newest signed head, to be kept elsewhere').action(auditHead);

program
  .command('keys')
  .description('signing keys of this node')
  .command('rotate')
  .description('make a new signing key beside the old ones')
  .addArgument(new Argument('<use>', 'of which').choices(ROTATED_USES))
  .option('--now', 'the old keys are lost or stolen: withdraw them at once')
  .action(rotateKey);

const evidence = program.command('evidence').description('evidence for an auditor');
evidence
  .command('pack')
  .description('one ZIP with the report of a period and everything behind it, signed')
  .requiredOption('--period <period>', '2027, 2027-Q1, 2027-03, a day, or two days with a slash')
  .requiredOption('--out <file>', 'the ZIP; its signature is written beside it')
  .action(evidencePack);
evidence
  .command('report')
  .description('issue the report of a period: signed, with the hash of the one before')
  .requiredOption('--period <period>', '2027, 2027-Q1, 2027-03, a day, or two days with a slash')
  .option('--lob <code>', 'of one line of business')
  .option('--peer <id>', 'of one payer')
  .requiredOption('--out <file>', 'the JSON document')
  .action(evidenceReport);
evidence
  .command('keys')
  .description('print the public keys of evidence (JWK Set), to be kept elsewhere')
  .action(evidenceKeys);
evidence
  .command('verify')
  .description('check a pack, or issued reports and that one follows the other; needs no database and no network')
  .argument('<files...>')
  .option('--keys <file>', "the plan's public keys (JWK Set), got elsewhere")
  .option('--json', 'the verdict as JSON')
  .action(evidenceVerify);

program.command('doctor').description('check that everything is in place').action(doctor);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${faultSentence(error) ?? unexpectedFault(error)}\n`);
  process.exitCode = 1;
}

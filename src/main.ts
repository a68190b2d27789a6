// The `payer-node` command.
import { Argument, Command, Option } from 'commander';
import { auditContent, auditHead, auditVerify } from './command/audit.ts';
import { importDirectory, importMembersCommand, runMigrate, runSeedCommand } from './command/data.ts';
import { doctor } from './command/doctor.ts';
import { evidencePack, evidenceVerify } from './command/evidence.ts';
import { faultSentence } from './command/fault.ts';
import {
  harvestAdd,
  harvestDecide,
  harvestImportIndex,
  harvestLink,
  harvestList,
  harvestProbe,
  harvestRun,
  harvestRuns,
  harvestShow,
  harvestShowRun,
  harvestSignals,
  harvestSwitch,
} from './command/harvest.ts';
import { ROTATED_USES, rotateKey } from './command/keys.ts';
import { membersContacts, membersInvite } from './command/members.ts';
import {
  peerAdd,
  peerApprove,
  peerCheck,
  peerFind,
  peerLimit,
  peerList,
  peerShow,
  peerSuspend,
} from './command/peers.ts';
import { publish, publishProbe } from './command/publish.ts';
import { pullAccept, pullList, pullRun, pullShow } from './command/pulls.ts';
import { reconcileCommand } from './command/reconcile.ts';
import { reindexDirectory } from './command/reindex.ts';
import { report } from './command/report.ts';
import { parseServices, serveNode } from './command/serve.ts';
import { VERSION } from './version.ts';

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
  .action((services: string) => serveNode(parseServices(services), process.env));

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
  .command('members')
  .description("load members' records and enrolment")
  .argument('[path...]', 'files or folders of records')
  .option('--enrolment <file>', 'enrolment CSV: docs/enrolment.md')
  .option('--enrolment-from-coverage', 'take enrolment and other payers from the Coverage records')
  .option('--x12', 'the enrolment file is an X12 834 file')
  .option('--member-ref <qualifier>', 'with --x12: REF01 of the member’s own number', '23')
  .addOption(
    new Option('--line-of-business <code>', 'with --x12 or --enrolment-from-coverage: of all members')
      .choices(['ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp'])
      .default('ma'),
  )
  .option('--enrolment-template <file>', 'write an enrolment CSV for these records instead of loading them')
  .option('--prior-payer <peer>', 'with --enrolment-template: a file for the node that will ask this payer')
  .option('--strict', 'reject what has any finding')
  .option('--rejects <file>', 'where rejected lines go', 'rejects.ndjson')
  .action(importMembersCommand);

program
  .command('reindex')
  .description('make a search index anew from what is stored')
  .addCommand(
    new Command('directory').description('after an update of the program or of BASE_URL').action(reindexDirectory),
  );

const peer = program.command('peer').description('other payers');
peer
  .command('add')
  .description('register a payer; it waits for approval')
  .argument('<id>', 'short name: lower-case letters, digits, hyphens')
  .requiredOption('--name <name>', 'legal name')
  .option('--npi <npi>', 'its NPI, as requests and consents name it')
  .option('--fhir-base <url>', 'its exchange, when we ask it')
  .option('--client-id-there <id>', 'our client id at its authorization server')
  .option('--client-id <id>', 'its client id here, when it asks us')
  .option('--jwks-url <url>', 'where its public keys are')
  .option('--jwks <file>', 'its public keys as a file')
  .option('--scope <scope...>', 'what it may be granted')
  .option('--discovery-url <url>', 'where it publishes its endpoints (davinci-configuration, payer-index)')
  .option('--file-host <origin...>', 'further hosts of its files; they never get our token')
  .option('--group <id>', 'the Group that was agreed on, where it matches nobody itself')
  .option('--sends-all', 'it may be asked for everybody our client may see, when it cannot be asked for some')
  .option('--audience <what>', 'what our assertions name: token-url (usual) or issuer')
  .action(peerAdd);
peer.command('approve').description('make a registered payer active').argument('<id>').action(peerApprove);
peer.command('suspend').description('stop a payer at once').argument('<id>').action(peerSuspend);
peer.command('list').description('all payers').action(peerList);
peer.command('show').description('how a payer is asked, and whether it answers').argument('<id>').action(peerShow);
peer
  .command('limit')
  .description('a limit of its own for what it may send')
  .argument('<id>')
  .argument('<name=value>', 'without a value: the usual one again')
  .action(peerLimit);
peer
  .command('find')
  .description('where a payer says that its exchange is')
  .argument('<url>', 'base of its davinci-configuration or payer-index')
  .action(peerFind);
peer.command('check').description('ask a payer for its discovery documents').argument('<id>').action(peerCheck);

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
const harvest = program.command('harvest').description('directories of other payers');
harvest
  .command('add')
  .description('register a directory')
  .argument('<slug>', '2 to 12 lower-case letters and digits: begins the ids of its records, for ever')
  .requiredOption('--name <name>', 'legal name of the payer')
  .requiredOption('--url <url>', 'its FHIR base, $bulk-publish manifest or index of files')
  .addOption(new Option('--trust <trust>', 'what it is').choices(['authority', 'payer', 'aggregator', 'unknown']))
  .addOption(new Option('--publish <terms>', 'what its terms allow').choices(['link', 'search', 'republish']))
  .option('--rate <n>', 'requests a second', '1')
  .option('--contact <contact>', 'whom to write to')
  .option('--unmarked-npi', 'NPIs without a marker but assigned by CMS count')
  .action(harvestAdd);
harvest
  .command('import-index')
  .description('register payers from payer-index files or the list of state Medicaid agencies; they begin paused')
  .argument('<path...>', 'files or folders')
  .action(harvestImportIndex);
harvest.command('list').description('all directories').action(harvestList);
harvest.command('show').description('one directory: addresses, facts, history').argument('<slug>').action(harvestShow);
harvest.command('probe').description('measure what a directory does').argument('<slug>').action(harvestProbe);
harvest
  .command('run')
  .description('harvest now, whatever the hour')
  .argument('[slug]', 'only this directory')
  .action(harvestRun);
harvest.command('runs').description('the newest runs').argument('[slug]').action(harvestRuns);
harvest
  .command('show-run')
  .description('one run: what came, and why it is not whole')
  .argument('<run>')
  .action(harvestShowRun);
harvest
  .command('release')
  .description('apply a run that was held back')
  .argument('<run>')
  .action((run: string) => harvestDecide(run, 'release'));
harvest
  .command('discard')
  .description('leave out a run that was held back; it is read again next time')
  .argument('<run>')
  .action((run: string) => harvestDecide(run, 'discard'));
harvest
  .command('link')
  .description('decide whether two records of the merged view are the same')
  .argument('<one>', 'Type/id')
  .argument('<other>', 'Type/id')
  .argument('<outcome>', 'same, not, or rule to take a decision back')
  .option('--note <text>', 'why')
  .action(harvestLink);
harvest
  .command('signals')
  .description('look for entries of our own directory that may be wrong, and measure it')
  .option('--deactivated <csv>', 'the list of deactivated NPIs: number, day')
  .option('--as-of <day>', 'day of that list, YYYY-MM-DD')
  .action(harvestSignals);
for (const [name, state, what] of [
  ['resume', 'on', 'harvest it again'],
  ['pause', 'paused', 'ask nothing of it for now'],
  ['block', 'blocked', 'ask nothing of it, not even by command'],
] as const)
  harvest
    .command(name)
    .description(what)
    .argument('<slug>')
    .option('--reason <text>', 'why', '')
    .action((slug: string, o: { reason: string }) => harvestSwitch(slug, state, o.reason));

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
  .description('let a pull go on that is not what its manifest declared')
  .argument('<pull>')
  .requiredOption('--reason <text>', 'why, for the report')
  .action(pullAccept);

program.addCommand(reconcileCommand());

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
  .command('verify')
  .description('check a pack; needs no database and no network')
  .argument('<file>')
  .option('--keys <file>', "the plan's public keys (JWK Set), got elsewhere")
  .option('--json', 'the verdict as JSON')
  .action(evidenceVerify);

program.command('doctor').description('check that everything is in place').action(doctor);

try {
  await program.parseAsync();
} catch (error) {
  const sentence = faultSentence(error);
  if (sentence === undefined) throw error;
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}

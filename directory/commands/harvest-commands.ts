// `payer-node harvest …` and its arguments.
import { type Command, Option } from 'commander';
import { PUBLISH, TRUSTS } from '../federation/change-peer.ts';
import {
  harvestAdd,
  harvestDecide,
  harvestImportIndex,
  harvestLink,
  harvestList,
  harvestProbe,
  harvestRun,
  harvestRuns,
  harvestSet,
  harvestShow,
  harvestShowRun,
  harvestSwitch,
} from './harvest.ts';
import { harvestAttestLinks } from './harvest-attest.ts';
import { harvestImportEndpoints } from './harvest-endpoints.ts';
import { harvestSignals } from './harvest-signals.ts';

export function harvestCommands(program: Command): void {
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
    .command('set')
    .description('change what is registered of a directory')
    .argument('<slug>')
    .option('--name <name>', 'legal name of the payer')
    .addOption(new Option('--trust <trust>', 'what it is').choices(TRUSTS))
    .addOption(new Option('--publish <terms>', 'what its terms allow').choices(PUBLISH))
    .option('--terms <text>', 'where its terms of use stand')
    .option('--rate <n>', 'requests a second')
    .option('--window <hours>', 'hours in which it is asked, HH:MM-HH:MM of its own time, or any')
    .option('--time-zone <zone>', 'its time zone')
    .option('--contact <contact>', 'whom to write to')
    .option('--unmarked-npi <on|off>', 'NPIs without a marker but assigned by CMS count')
    .option('--allow-port <port>', 'a port beside 443 that its addresses may have')
    .option('--add-url <url>', 'a further address, whose host it may then link to')
    .option('--move-to <url>', 'its directory is there from now on')
    .action(harvestSet);
  harvest
    .command('import-index')
    .description('register payers from payer-index files or the list of state Medicaid agencies; they begin paused')
    .argument('<path...>', 'files or folders')
    .action(harvestImportIndex);
  harvest
    .command('import-endpoints')
    .description('register payers from Endpoint resources of a national or other directory; they begin paused')
    .argument('<path...>', 'files or folders: NDJSON, Bundles')
    .addOption(
      new Option('--all-are <half>', 'all that do not say what they serve are of this kind').choices([
        'directory',
        'payer-to-payer',
      ]),
    )
    .action(harvestImportEndpoints);
  harvest.command('list').description('all directories').action(harvestList);
  harvest
    .command('show')
    .description('one directory: addresses, facts, history')
    .argument('<slug>')
    .action(harvestShow);
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
    .option('--registry <csv>', 'the registry of providers (NPPES) or an extract with its columns, plain or gzip')
    .option('--as-of <day>', 'day of these files, YYYY-MM-DD')
    .action(harvestSignals);
  harvest
    .command('attest-links')
    .description('links by which providers attest their entries, for those who are due')
    .requiredOption('--out <file>', 'CSV of entry, name, NPI and link')
    .action(harvestAttestLinks);
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
}

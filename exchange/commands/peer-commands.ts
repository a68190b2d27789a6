// `payer-node peer …`: its words. What each does is in peers.ts.
import { Command } from 'commander';
import { peerAccept, peerChangeList, peerReject } from './peer-changes.ts';
import {
  peerAdd,
  peerApprove,
  peerCheck,
  peerFind,
  peerLimit,
  peerList,
  peerRelearn,
  peerShow,
  peerSuspend,
} from './peers.ts';

export function peerCommands(): Command {
  const peer = new Command('peer').description('other payers');
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
    .option('--postal-address <text>', 'where it can be written to, for the accounting of disclosures')
    .option('--group <id>', 'the Group that was agreed on, where it matches no one itself')
    .option('--sends-all', 'it may be asked for everybody our client may see, when it cannot be asked for some')
    .option('--audience <what>', 'what our assertions name: token-url (usual) or issuer')
    .action(peerAdd);
  peer.command('approve').description('make a registered payer active').argument('<id>').action(peerApprove);
  peer
    .command('changes')
    .description('changes of its record that wait for a second person')
    .argument('<id>')
    .action(peerChangeList);
  peer
    .command('accept')
    .description('put a waiting change in force, as another person than who proposed it')
    .argument('<id>')
    .argument('<change>', 'its number')
    .action(peerAccept);
  peer
    .command('reject')
    .description('reject a waiting change, or take back an own one')
    .argument('<id>')
    .argument('<change>', 'its number')
    .action(peerReject);
  peer
    .command('suspend')
    .description('stop a payer at once')
    .argument('<id>')
    .option('--reason <text>', 'the objective criterion, kept in its history')
    .action(peerSuspend);
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
  peer
    .command('relearn')
    .description('forget what a payer was found not to speak, and ask it again as it offers')
    .argument('<id>')
    .action(peerRelearn);
  peer.command('check').description('ask a payer for its discovery documents').argument('<id>').action(peerCheck);
  return peer;
}

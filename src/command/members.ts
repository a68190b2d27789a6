// The commands about members' choices: links for a mailing, and what came of it.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { importContacts } from '../../exchange/members/import-contacts.ts';
import { invite } from '../../exchange/members/invite.ts';
import { relabel } from '../../exchange/members/relabel.ts';
import { undecidedMembers } from '../../exchange/store/member-choice.ts';
import { csvLine } from '../seed/index.ts';
import { CommandFault } from './fault.ts';
import { person, withNode } from './node.ts';
import { say } from './say.ts';

const BATCH = 1000;

/** `members invite`: a CSV of member number and link for everyone enrolled who has not chosen. */
export async function membersInvite(options: { out: string }): Promise<void> {
  await withNode(async (node) => {
    const { sql } = node.deps.database;
    const out = createWriteStream(options.out, { flags: 'wx', mode: 0o600 });
    try {
      await once(out, 'open');
    } catch {
      throw new CommandFault(`${options.out} cannot be written, or exists already.`);
    }
    const actor = { kind: 'system', subject: `members invite by ${person()}`, requestId: '' } as const;
    let made = 0;
    async function* rows() {
      yield `${csvLine(['member_number', 'link'])}\n`;
      let after = '';
      for (;;) {
        const batch = await undecidedMembers(sql, node.deps.clock(), after, BATCH);
        const last = batch.at(-1);
        if (!last) return;
        const links = await invite(
          node.deps,
          batch.map((b) => b.memberId),
          actor,
        );
        yield links.map((link, n) => `${csvLine([batch[n]?.memberNumber ?? '', link.url])}\n`).join('');
        made += batch.length;
        after = last.memberId;
      }
    }
    // a full disk ends the command with a sentence; links that were made and not written are known to nobody
    await pipeline(rows, out);
    say(`${made} links in ${options.out}. Report back what was delivered with "members contacts FILE".`);
  });
}

/** `members contacts`: offers, questions, education and reminders that were delivered, or not. */
export async function membersContacts(path: string): Promise<void> {
  await withNode(async (node) => {
    const result = await importContacts(node.deps, path);
    for (const f of result.faults) say(`line ${f.line}: ${f.reason}`);
    say(`${result.read} rows read, ${result.added} contacts added, ${result.faults.length} refused.`);
    if (result.faults.length > 0) process.exitCode = 1;
  });
}

/** `members relabel`: what another version of the labeller decided is decided by this one. */
export async function membersRelabel(): Promise<void> {
  await withNode(async (node) => {
    const { records, changed } = await relabel(node.deps);
    say(
      records === 0
        ? 'Every record is classified by this version.'
        : `${records} records classified anew; ${changed} of them changed their label.`,
    );
  });
}

// The commands about members' choices: links for a mailing, and what came of it.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CommandFault } from '../../src/runtime/fault.ts';
import { person, withNode } from '../../src/runtime/open-node.ts';
import { say } from '../../src/runtime/say.ts';
import { csvLine } from '../../src/seed/index.ts';
import { memberBehind } from '../compliance/disclosures/disclosures.ts';
import { undecidedMembers } from '../members/consent/choice-rows.ts';
import { importContacts } from '../members/consent/import-contacts.ts';
import { invite } from '../members/consent/invite.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { relabel } from '../members/enrolment/relabel.ts';
import { formerUnder } from '../members/merge/member-merge.ts';
import { makeOne, makeTwo, type OneRefusal } from '../members/merge/merge-members.ts';
import { onePersonReport } from '../members/merge/merge-report.ts';

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
        const batch = await undecidedMembers(sql, localDay(node.deps.clock(), node.deps.config.timeZone), after, BATCH);
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
    // a full disk ends the command with a sentence; links that were made and not written are known to no one
    await pipeline(rows, out);
    say(`${made} links in ${options.out}. Report back what was delivered with "members contacts FILE".`);
  });
}

/** `members contacts`: offers, questions, education and reminders that were delivered, or not. */
export async function membersContacts(path: string): Promise<void> {
  await withNode(async (node) => {
    const result = await importContacts(node.deps, path, person());
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
        : `${records} records reclassified; ${changed} of them changed their label.`,
    );
  });
}

const NOT_DONE: Record<OneRefusal['refused'], string> = {
  member: 'There is no such member.',
  same: 'These are one member already.',
  former:
    'One of the two goes on as another member already, or others go on as it: choose the member that stays for all.',
  'no-reason': 'Give a reason of three letters or more.',
  'not-one':
    'This member does not go on as another one. Name the one that does, by its Patient id, key or former number.',
  busy: 'Records of one of the two are being taken in right now. Nothing was done; try again in some minutes.',
  doubts: 'Something speaks against it. Nothing was done.',
};

/** `members one`: two members are one person. */
export async function membersOne(
  stays: string,
  former: string,
  options: { reason: string; confirm?: string[] },
): Promise<void> {
  await withNode(async ({ deps }) => {
    const [memberId, formerId] = [await memberBehind(deps, stays), await memberBehind(deps, former)];
    if (memberId === undefined || formerId === undefined) throw new CommandFault(NOT_DONE.member);
    const who = { kind: 'command', subject: `members one by ${person()}`, requestId: '' } as const;
    const done = await makeOne(deps, { memberId, formerId, reason: options.reason, seen: options.confirm ?? [] }, who);
    if ('refused' in done) {
      if (done.refused === 'doubts')
        for (const d of done.doubts) say(`${d.text} (confirm it with --confirm ${d.code})`);
      throw new CommandFault(NOT_DONE[done.refused]);
    }
    const { held } = (await onePersonReport(deps, memberId, formerId)).stays;
    say(
      `One person now, with ${held.own} records of ours and ${held.received} received. Take it back with "members two ${formerId}".`,
    );
  });
}

/** `members two`: that is taken back. */
export async function membersTwo(former: string, options: { reason: string }): Promise<void> {
  await withNode(async ({ deps }) => {
    const formerId = (await formerUnder(deps.database.sql, former)) ?? (await memberBehind(deps, former));
    if (formerId === undefined) throw new CommandFault(NOT_DONE.member);
    const who = { kind: 'command', subject: `members two by ${person()}`, requestId: '' } as const;
    const done = await makeTwo(deps, { formerId, reason: options.reason }, who);
    if ('refused' in done) throw new CommandFault(NOT_DONE[done.refused]);
    say('Two members again. What came or was said since stays with the member that stayed.');
  });
}

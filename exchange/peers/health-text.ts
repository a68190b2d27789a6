// How a peer is asked and whether it answers, in words: for the staff page and the command. Pure.

import { meaning, type Severity } from '../reconcile/reasons.ts';
import type { Abilities, FetchForm, MatchForm } from '../requester/client/abilities.ts';
import { triedAgain } from '../requester/client/learned-abilities.ts';
import type { Peer } from './peer.ts';

export { hasLearned } from '../requester/client/learned-abilities.ts';

const MATCH: Readonly<Record<MatchForm, string>> = {
  bulk: 'members in one batch (bulk member match)',
  single: 'members one by one (member match)',
  patients: 'members looked for among its Patients, by card number',
};
const FETCH: Readonly<Record<FetchForm, string>> = {
  davinci: 'export of the matched Group (Da Vinci)',
  group: 'export of a Group (Bulk Data)',
  patient: 'export of the Patients named (Bulk Data)',
  all: 'export of everybody our client may see (Bulk Data)',
  everything: 'everything of each Patient, at once',
  search: 'one search for each Patient and type',
};

export type HealthFact = { name: string; value: string | null; at?: Date | null; tone?: Severity };

/** It has said that there were too many (413). */
const takesWords = (takes: number): string =>
  takes === 0 ? 'too many, however few were asked for' : `${takes}, as it was found to take`;

/** What it said itself, and what its answers looked like. */
const lacksWords = ({ lacks, guesses = {} }: Abilities): string =>
  lacks.map((l) => (Object.hasOwn(guesses, l) ? `${l} (by its answers)` : l)).join(', ');

export function healthFacts(peer: Peer): HealthFact[] {
  const a = peer.abilities;
  return [
    { name: 'Finds', value: a === null ? 'not known yet' : MATCH[a.match] },
    { name: 'Records', value: a === null ? 'not known yet' : FETCH[a.fetch] },
    { name: 'Version of PDex it names', value: a?.pdex ?? null },
    { name: 'Unsupported operations', value: a === null || a.lacks.length === 0 ? null : lacksWords(a) },
    { name: 'Retry after', value: null, at: triedAgain(peer) ?? null },
    { name: 'Known since', value: null, at: peer.abilitiesAt },
    {
      name: 'Members at once',
      value: peer.takes === null ? null : takesWords(peer.takes),
      ...(peer.takes === 0 ? { tone: 'look' as const } : {}),
    },
    { name: 'Batch reduced since', value: null, at: peer.takesAt },
    { name: 'Last answered', value: null, at: peer.answeredAt },
    {
      name: 'Failures in a row',
      value: peer.failures === 0 ? 'none' : String(peer.failures),
      tone: peer.failures === 0 ? 'calm' : peer.pausedUntil === null ? 'look' : 'act',
    },
    { name: 'Failing since', value: null, at: peer.failingSince },
    { name: 'Last failure', value: peer.failure === null ? null : meaning('pull', peer.failure).text },
    { name: 'Do not ask before', value: null, at: peer.pausedUntil },
  ];
}

// What a client has done so far, step by step, judged from the audit. Pure.

import { type Advice, adviceOn } from './advice.ts';
import type { Trace } from './self-test-rows.ts';

type Step = {
  id: string;
  what: string;
  state: 'passed' | 'failed' | 'not-seen';
  /** what was seen, or what to do */
  hint: string;
};
type Trouble = { at: string; what: string; reason: string; todo: string };
export type SelfTest = { steps: Step[]; trouble: Trouble[]; passed: number };

/** Refusals that are reported, the newest first: a client in a loop has thousands. */
const MOST_TROUBLE = 50;

const adviceText = ({ what, todo }: Advice, reason: string) => `${what} ${todo} (${reason})`;
const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;

export function judgeClient(trace: readonly Trace[]): SelfTest {
  const ok = (action: string, object = '') =>
    trace.filter(
      (t) => t.action === action && (t.outcome === 'ok' || t.outcome === 'noted') && t.object.startsWith(object),
    );
  const refused = trace.filter((t) => t.outcome !== 'ok');
  const last = <T>(all: readonly T[]) => all.at(-1);
  const step = (id: string, what: string, seen: boolean, seenText: string, hint: string, failed?: string): Step => ({
    id,
    what,
    state: seen ? 'passed' : failed === undefined ? 'not-seen' : 'failed',
    hint: seen ? seenText : (failed ?? hint),
  });
  const why = (action: string): string | undefined => {
    const one = last(refused.filter((t) => t.action === action));
    if (!one) return undefined;
    return adviceText(adviceOn(one.action, one.reason), one.reason);
  };

  const tokens = ok('token');
  const matches = [...ok('match-requested'), ...ok('match', 'member-match/')];
  const matched = ok('match').filter((t) => t.reason === 'matched');
  const decided = last(trace.filter((t) => t.action === 'match'));
  const matchFiles = ok('file', 'match/');
  const kickOffs = ok('export-requested');
  const isFetched = new Set(ok('file', 'export/').map((t) => t.object.split('/', 2).join('/')));
  // of several the newest that went furthest: what was cancelled after it takes nothing back
  const job =
    (last(kickOffs.filter((k) => isFetched.has(k.object))) ?? last(kickOffs))?.object.slice('export/'.length) ?? '';
  const finished = last(trace.filter((t) => t.action === 'export' && t.object === `export/${job}`));
  const fetched = new Set(ok('file', `export/${job}/`).map((t) => t.object));
  const wanted = Array.isArray(finished?.detail['files']) ? finished.detail['files'].length : undefined;
  const took = finished && last(ok('file', `export/${job}/`));
  const isSingle = ok('match', 'member-match/').length > 0;
  const steps = [
    step(
      'token',
      'Get an access token',
      tokens.length > 0,
      `${tokens.length} given.`,
      'POST an assertion to the token endpoint.',
      why('token'),
    ),
    step(
      'match',
      'Ask for a member',
      matches.length > 0,
      `${matches.length} asked.`,
      'POST Group/$bulk-member-match or Patient/$member-match with the body under `try` or `trySingle`.',
    ),
    step(
      'matched',
      'Be given the member',
      matched.length > 0,
      `${matched.length} matched.`,
      'Wait for the answer to the match.',
      decided && adviceText(adviceOn('match', decided.reason), decided.reason),
    ),
    step(
      'match-file',
      'Fetch the answer to the match',
      matchFiles.length > 0 || (isSingle && matches.length === ok('match', 'member-match/').length),
      matchFiles.length > 0 ? `${matchFiles.length} fetched.` : 'A single match is answered at once.',
      'Poll Content-Location until 200, then GET the file that the manifest names, with the token.',
    ),
    step(
      'kick-off',
      'Kick off the export',
      kickOffs.length > 0,
      `${kickOffs.length} accepted.`,
      'GET Group/[id]/$davinci-data-export with Prefer: respond-async.',
    ),
    step(
      'poll',
      'Wait for the export',
      took !== undefined,
      took ? `Fetched ${seconds(took.at.getTime() - (finished?.at.getTime() ?? 0))} after it was ready.` : '',
      'Poll Content-Location no faster than Retry-After says.',
    ),
    step(
      'files',
      'Fetch every file',
      wanted !== undefined && fetched.size >= wanted,
      `${fetched.size} of ${wanted ?? 0} fetched.`,
      'GET every url of output, deleted and error.',
      fetched.size > 0 && wanted !== undefined ? `Only ${fetched.size} of ${wanted} files were fetched.` : undefined,
    ),
    step(
      'delete',
      'Delete the export',
      ok('export-deleted', `export/${job}`).length > 0 && job !== '',
      'Deleted.',
      'DELETE Content-Location when everything is stored.',
    ),
  ];
  const trouble = refused
    .slice(-MOST_TROUBLE)
    .reverse()
    .map((t) => {
      const { what, todo } = adviceOn(t.action, t.reason);
      return { at: t.at.toISOString(), what: `${t.action}: ${what}`, reason: t.reason, todo };
    });
  return { steps, trouble, passed: steps.filter((s) => s.state === 'passed').length };
}

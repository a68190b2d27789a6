// GET $self-test?client=…: in the sandbox only, what a client has done so far and what is next, as JSON or as a page. It needs
// no token: a client that cannot get one needs it most, and everything in a sandbox is invented.
import type { Patient } from 'fhir/r4.js';
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { html } from '../../src/ui/html.ts';
import { documentText } from '../../src/ui/page.ts';
import { type Table, tableHtml } from '../../src/ui/table.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { findPeerByClient, type Peer } from '../peers/peer.ts';
import { addresses, ourselves } from '../plan.ts';
import { matchRequest } from '../requester/client/write-member-bundle.ts';
import { judgeClient, type SelfTest } from './self-test.ts';
import { demoMember, traceOf } from './self-test-rows.ts';
import { pageHeaders, STYLESHEET, siteHeader } from './style.ts';

const HOURS_BACK = 24;
const TONES = { passed: 'good', failed: 'act', 'not-seen': 'calm' } as const;
const BANNER = 'Sandbox: all people, payers and records here are invented.';
const WORDS = { passed: 'passed', failed: 'failed', 'not-seen': 'not seen yet' } as const;

export function selfTest(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$self-test');
    if (!deps.config.sandbox) throw new Outcome('unknown-route');
    const clientId = c.req.query('client') ?? '';
    const peer = clientId === '' ? undefined : await findPeerByClient(deps.database.sql, clientId);
    const wantsPage = (c.req.header('accept') ?? '').includes('text/html');
    if (!peer && wantsPage) return c.body(whose(deps, clientId), 400, pageHeaders);
    if (!peer)
      throw new Outcome(
        'missing-parameter',
        'Name your registered client: $self-test?client=… . Staff register it at /staff/peers.',
      );
    const trace = await traceOf(deps.database.sql, peer.id, new Date(deps.clock().getTime() - HOURS_BACK * 3_600_000));
    const report = judgeClient(trace);
    const tryThis = await exampleMatch(deps, peer);
    const [bundle] = tryThis?.parameter ?? [];
    const trySingle = bundle?.part ? { resourceType: 'Parameters', parameter: bundle.part } : null;
    if (wantsPage) return c.body(page(deps, peer, report, tryThis, trySingle), 200, pageHeaders);
    return c.json({ client: clientId, state: peer.state, ...report, try: tryThis, trySingle }, 200, {
      'cache-control': 'no-store',
    });
  };
}

/** Asks which client it is about. */
function whose(deps: Deps, given: string): string {
  return documentText({
    title: 'Self-test',
    site: deps.config.planName,
    style: STYLESHEET,
    header: siteHeader(deps.config.planName),
    banner: BANNER,
    main: html`${given === '' ? '' : html`<p class="problem">No client is registered here as <code>${given}</code>.</p>`}<form class="filter" method="get"><label>Your client id <input name="client" value="${given}" maxlength="200" required autocomplete="off"></label><button>Show</button></form>
<p>It is the id under which staff registered you at <a href="/staff/peers">/staff/peers</a>. The page tells which steps of the <a href="/exchange/docs">documentation</a> your client has done.</p>`,
  });
}

/** A request body that finds a member of this sandbox, in the name of the peer. */
async function exampleMatch(deps: Deps, peer: Peer): Promise<ReturnType<typeof matchRequest> | null> {
  const member = await demoMember(deps.database.sql);
  if (!member) return null;
  const today = localDay(deps.clock(), deps.config.timeZone);
  const patient = JSON.parse(member.patient) as Patient;
  return matchRequest(
    [
      {
        submittedId: 'self-test-1',
        patient,
        memberNumber: 'SELF-TEST-1',
        subscriberId: null,
        coverageStart: today,
        theirNumber: member.memberNumber,
        theirPeriod: { start: member.starts },
        consent: { id: 'self-test', recordedOn: today, policy: 'regular', representative: null },
      },
    ],
    { npi: peer.npi, name: peer.name },
    ourselves(deps.config),
    `${Number(today.slice(0, 4)) + 1}-12-31`,
    `${addresses(deps.config).fhir}/DocumentReference`,
  );
}

function page(deps: Deps, peer: Peer, report: SelfTest, tryThis: unknown, trySingle: unknown): string {
  const steps: Table = {
    name: 'steps',
    caption: `${report.passed} of ${report.steps.length} steps passed`,
    columns: [
      { key: 'step', label: 'Step', kind: 'head' },
      { key: 'state', label: 'State' },
      { key: 'hint', label: 'Seen, or what to do' },
    ],
    rows: report.steps.map((s) => [
      { value: s.what },
      { value: WORDS[s.state], tone: TONES[s.state] },
      { value: s.hint },
    ]),
    empty: '',
  };
  const trouble: Table = {
    name: 'trouble',
    caption: 'What was refused in the last day, the newest first',
    columns: [
      { key: 'at', label: 'When', kind: 'head' },
      { key: 'what', label: 'What' },
      { key: 'todo', label: 'What to do' },
      { key: 'reason', label: 'Reason' },
    ],
    rows: report.trouble.map((t) => [
      { value: t.at },
      { value: t.what },
      { value: t.todo },
      { value: t.reason, code: true },
    ]),
    empty: 'Nothing was refused.',
  };
  return documentText({
    title: `Self-test of ${peer.name}`,
    site: deps.config.planName,
    style: STYLESHEET,
    header: siteHeader(deps.config.planName),
    banner: BANNER,
    main: html`<p>Let your client run against this sandbox, then load this page again. How to ask is in the <a href="/exchange/docs">documentation</a>.</p>
${tableHtml(steps)}${tableHtml(trouble)}
<section class="box"><h2 id="x-try">A body for Group/$bulk-member-match that finds a member</h2><pre tabindex="0" role="region" aria-labelledby="x-try">${JSON.stringify(tryThis, null, 1)}</pre></section>
<section class="box"><h2 id="x-single">The same for Patient/$member-match</h2><pre tabindex="0" role="region" aria-labelledby="x-single">${JSON.stringify(trySingle, null, 1)}</pre></section>`,
  });
}

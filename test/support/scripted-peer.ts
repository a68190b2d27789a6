// A peer whose every answer a test can replace, a stranger beside it that must never be asked, and a node of ours that pulls
// from it. Waiting costs no time: the clock is moved to the next attempt.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull, OPEN_STATES, type Pull } from '../../exchange/requester/pull.ts';
import { enrol, type Person } from '../exchange/plan-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import { startNode, type TestNode } from './node.ts';

type Seen = {
  method: string;
  path: string;
  url: string;
  token: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
};
export type Handler = (request: IncomingMessage, answer: ServerResponse, body: string) => void;
export type Script = Record<string, Handler>;
export type Rested = Pull & { waited: number };

const person: Person = {
  number: 'N1',
  family: 'Rivera',
  given: 'Ana',
  born: '1974-12-25',
  prior: 'Scripted Plan',
};
/** A record of the person, as the peer has it; `p9` is the person there. */
export const good = (id: string): string => JSON.stringify(lab(id, { subject: { reference: 'Patient/p9' } }));
export const ndjson = (...lines: string[]): string => lines.map((l) => `${l}\n`).join('');

export const json = (answer: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void =>
  void answer
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
export const status =
  (code: number, body: object = { resourceType: 'OperationOutcome' }): Handler =>
  (_, a) =>
    json(a, body, code);
export const sends =
  (body: string | Buffer, headers: Record<string, string> = {}, code = 200): Handler =>
  (_, a) =>
    void a.writeHead(code, { 'content-type': 'application/fhir+ndjson', ...headers }).end(body);
/** Answers in turn; the last one stays. */
export const turns = (...handlers: Handler[]): Handler => {
  let n = 0;
  return (request, answer, body) => handlers[Math.min(n++, handlers.length - 1)]?.(request, answer, body);
};

export type ScriptedPeer = {
  node: TestNode;
  base: string;
  foreignBase: string;
  seen: Seen[];
  /** what reached the other host */
  strangers: Seen[];
  /** what a peer answers that does everything right */
  normal: Script;
  manifest(output: object[], more?: object): object;
  file(path?: string, count?: number): object;
  /** sets what the peer's record says beside its addresses, and forgets what was learned of it */
  record(fields: Record<string, unknown>): Promise<void>;
  /** sets the time of our node */
  at(time: Date): void;
  /** a planned pull, to where it rests; the clock is moved to the next try */
  rest(id: string, over?: Script): Promise<Rested>;
  /** a new pull of everything, to where it rests */
  pull(over?: Script, options?: { full?: boolean }): Promise<Rested>;
  /** fetches what its records give by address, until each attachment is settled; the clock is moved to the next try */
  attachments(over?: Script): Promise<void>;
  findings(pullId: string): Promise<Record<string, number>>;
  ledger(pullId: string): Promise<Record<string, number>>;
  stored(): Promise<string[]>;
  close(): Promise<void>;
};

const listen = async (made: Server): Promise<string> => {
  await new Promise<void>((done) => made.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(made.address() as { port: number }).port}`;
};

/** @param options.env settings of our node; `at` its time when it starts */
export async function scriptedPeer(
  people: readonly Person[] = [person],
  options: { env?: Record<string, string>; at?: Date } = {},
): Promise<ScriptedPeer> {
  let script: Script = {};
  let skew = options.at === undefined ? 0 : options.at.getTime() - Date.now();
  let submitted = '';
  const seen: Seen[] = [];
  const strangers: Seen[] = [];
  const normal: Script = {};
  const serve = (list: Seen[], answerTo: Handler) =>
    createServer((request, answer) => {
      const parts: Buffer[] = [];
      request.on('data', (p: Buffer) => parts.push(p));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        const url = request.url ?? '';
        list.push({
          method: request.method ?? '',
          path: url.split('?')[0] ?? '',
          url,
          token: request.headers.authorization,
          headers: request.headers,
          body,
        });
        answerTo(request, answer, body);
      });
    });
  const server = serve(seen, (request, answer, body) => {
    const key = `${request.method} ${decodeURIComponent((request.url ?? '').split('?')[0] ?? '')}`;
    const handler = script[key] ?? normal[key];
    if (handler) handler(request, answer, body);
    else json(answer, { resourceType: 'OperationOutcome' }, 404);
  });
  const foreign = serve(strangers, (request, answer, body) => {
    const handler = script[`FOREIGN ${(request.url ?? '').split('?')[0]}`];
    if (handler) handler(request, answer, body);
    else answer.end(ndjson(good('evil')));
  });
  const base = await listen(server);
  const foreignBase = await listen(foreign);
  const manifest = (output: object[], more: object = {}) => ({
    transactionTime: '2026-01-05T00:00:00Z',
    request: `${base}/fhir/x`,
    requiresAccessToken: true,
    output,
    error: [],
    ...more,
  });
  const file = (path = '/f/1', count?: number) => ({
    type: 'Observation',
    url: `${base}${path}`,
    ...(count === undefined ? {} : { count }),
  });
  Object.assign(normal, {
    'GET /fhir/.well-known/smart-configuration': (_, a) =>
      json(a, { token_endpoint: `${base}/token`, token_endpoint_auth_methods_supported: ['private_key_jwt'] }),
    'GET /fhir/metadata': (_, a) => json(a, { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' }),
    'POST /token': (_, a) => json(a, { access_token: `t${seen.length}`, token_type: 'Bearer', expires_in: '300' }),
    'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
      submitted = /"id":"(m-[^"]+)"/.exec(body)?.[1] ?? '';
      a.writeHead(202, { 'content-location': '/status/match' }).end();
    },
    'GET /status/match': (_, a) => json(a, manifest([{ type: 'Group', url: `${base}/f/group`, count: 1 }])),
    'GET /f/group': (r, a, b) => sends(JSON.stringify(groupOf([[submitted, 'p9']])))(r, a, b),
    'POST /fhir/Group/g1/$davinci-data-export': (_, a) =>
      void a.writeHead(202, { 'content-location': `${base}/status/export` }).end(),
    'GET /status/export': (_, a) => json(a, manifest([file('/f/1', 2)])),
    'GET /f/1': sends(ndjson(good('a'), good('b'))),
    'DELETE /status/match': (_, a) => void a.writeHead(202).end(),
    'DELETE /status/export': (_, a) => void a.writeHead(202).end(),
  } satisfies Script);

  const node = await startNode(
    { PLAN_NPI: '9000000004', PLAN_NAME: 'New Plan', ...options.env },
    { clock: () => new Date(Date.now() + skew) },
  );
  const { sql } = node.deps.database;
  const fields = { id: 'scripted', name: 'Scripted Plan', fhirBase: `${base}/fhir`, clientIdThere: 'c1' };
  await addPeer(sql, fields, 'test', node.deps.clock());
  await setPeerState(sql, 'scripted', 'active', 'test', node.deps.clock());
  await enrol(node.deps, people);

  const rest = async (id: string, over?: Script): Promise<Rested> => {
    script = over ?? script;
    const started = skew;
    let waits = 0;
    for (let steps = 0; steps < 400; steps++) {
      const found = await findPull(sql, id);
      if (!found) throw new Error('no pull was planned');
      if (!(OPEN_STATES as readonly string[]).includes(found.state)) return { ...found, waited: skew - started };
      if ((await node.worker.drain()) > 0) continue;
      const [row] = await sql<{ at: Date; isHeld: boolean }[]>`
          select greatest(q.next_at, p.paused_until) as at, q.lease_owner is not null and q.lease_until > ${node.deps.clock()} as "isHeld"
          from exchange.pull q join exchange.peer p on p.id = q.peer_id where q.id = ${id}`;
      // another worker is at it, unless it is no more
      if (row?.isHeld === true && waits++ < 400) {
        steps--;
        await new Promise((r) => setTimeout(r, 5));
        continue;
      }
      skew += Math.max(1, (row?.at.getTime() ?? 0) - node.deps.clock().getTime() + 1);
    }
    throw new Error('the pull does not come to rest');
  };

  return {
    node,
    base,
    foreignBase,
    seen,
    strangers,
    normal,
    manifest,
    file,
    async record(given) {
      await sql`
        update exchange.peer set abilities = null, abilities_at = null, takes = null, refuses_alone = 0, takes_at = null, failures = 0, paused_until = null,
          file_origins = ${(given['fileOrigins'] as string[] | undefined) ?? []}::text[], group_there = ${(given['groupThere'] as string | undefined) ?? null},
          sends_all = ${given['sendsAll'] === true}, audience = ${(given['audience'] as string | undefined) ?? 'token-url'},
          limits = ${JSON.stringify(given['limits'] ?? {})}::text::jsonb where id = 'scripted'`;
    },
    at(time) {
      skew = time.getTime() - Date.now();
    },
    rest,
    async pull(over = {}, options = { full: true }) {
      script = over;
      seen.length = 0;
      strangers.length = 0;
      await sql`update exchange.peer set failures = 0, paused_until = null where id = 'scripted'`;
      skew += 400_000; // a token of a test before is over
      const [id = ''] = await planPulls(node.deps, { cause: 'command', again: true, full: options.full ?? true });
      return rest(id);
    },
    async attachments(over) {
      script = over ?? script;
      for (let turns = 0; turns < 200; turns++) {
        while (await node.worker.attachments());
        const [row] = await sql<{ at: Date | null }[]>`
          select min(greatest(a.next_at, a.lease_until, p.paused_until)) as at from exchange.attachment a join exchange.peer p on p.id = a.peer_id where a.state = 'due'`;
        if (row?.at == null) return;
        skew += Math.max(1, row.at.getTime() - node.deps.clock().getTime() + 1);
      }
      throw new Error('the attachments do not come to rest');
    },
    async findings(pullId) {
      const rows = await sql<{ kind: string; n: number }[]>`
        select kind, sum(amount)::int as n from exchange.finding where pull_id = ${pullId} and starts_with(kind, 'peer-') group by kind`;
      return Object.fromEntries(rows.map((r) => [r.kind, r.n]));
    },
    async ledger(pullId) {
      const rows = await sql<{ what: string; n: number }[]>`
        select concat_ws(' ', outcome, reason) as what, count(*)::int as n from exchange.ledger where pull_id = ${pullId} group by 1`;
      return Object.fromEntries(rows.map((r) => [r.what, r.n]));
    },
    async stored() {
      const rows = await sql<{ body: string }[]>`
        select body from exchange.resource where origin = 'scripted' and not deleted and type = 'Observation' order by body`;
      return rows.map((r) => /Observation\/([A-Za-z0-9-]+)"/.exec(r.body)?.[1] ?? '?').sort();
    },
    async close() {
      for (const s of [server, foreign]) {
        s.closeAllConnections();
        s.close();
      }
      await node.close();
    },
  };
}

/** The match Group of members, by the id submitted and the id there. */
export function groupOf(members: readonly (readonly [string, string])[], who: readonly Person[] = [person]): object {
  return {
    resourceType: 'Group',
    id: 'g1',
    code: { coding: [{ code: 'match' }] },
    contained: members.map(([id], i) => ({
      resourceType: 'Patient',
      id,
      name: [{ family: who[i]?.family }],
      birthDate: who[i]?.born,
    })),
    member: members.map(([id, theirs]) => ({
      entity: {
        reference: `Patient/${theirs}`,
        extension: [
          {
            url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters',
            valueReference: { reference: `#${id}` },
          },
        ],
      },
    })),
  };
}

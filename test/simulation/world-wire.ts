// What passes between payers of a simulated world, seen from outside: by it, and not by what anybody notes, it is told who asked whom about whom, and what of whom
// really went where.
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

type Passed = {
  at: Date;
  from: number;
  to: number;
  method: string;
  path: string;
  status: number;
  /** answer: where the job is, that was begun */
  job: string | undefined;
  body: string;
  text: string;
  sha256: string;
};

/** A member who was asked about, in a request for a match. */
export type AskedOf = { ours: string; theirs: string };
/** A request for a match or for records that was taken. `ready`: when its answer was first had. */
export type Request = {
  kind: 'match' | 'export';
  at: Date;
  from: number;
  to: number;
  job: string;
  ready: Date | undefined;
  /** of a match, or of that of the Group: who was asked about, by the id that the request gave, and when */
  asked: Map<string, AskedOf>;
  told: Date;
  /** of a match: what was answered of each; of an export: those of its Group */
  answered: Map<string, { bucket: string; patient: string | undefined }>;
  /** of an export: bytes that were fetched, by file */
  files: Map<string, { text: string; sha256: string }>;
  /** of an export: how many files its manifest lists */
  listed: number;
  /** of an export: when its match was asked for, of the first of a Group, and whether everything is, whenever it changed */
  group: string;
  begun: Date;
  isWhole: boolean;
};

type Resource = { resourceType: string; id: string; [name: string]: unknown };
const linesOf = (text: string): Resource[] =>
  text
    .split('\n')
    .filter((l) => l.trim() !== '')
    .map((l) => JSON.parse(l) as Resource);
const PARAMETERS = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters';
type GroupOf = Resource & {
  code: { coding: { code: string }[] };
  member?: { entity: { reference: string; extension: { url: string; valueReference?: { reference: string } }[] } }[];
};

export class Wire {
  readonly #passed: Passed[] = [];
  /** Places of payers, by origin. */
  readonly origins = new Map<string, number>();
  readonly #clock: () => Date;

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  /** What payer `from` asks passes here. */
  witness(from: number, inner: typeof fetch): typeof fetch {
    return async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const at = this.#clock();
      const response = await inner(input, init);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
      const whole = isPacked ? gunzipSync(bytes) : bytes;
      this.#passed.push({
        at,
        from,
        to: this.origins.get(url.origin) ?? -1,
        method: init?.method ?? 'GET',
        path: url.pathname + url.search,
        status: response.status,
        job: response.headers.get('content-location')?.split('/').at(-1),
        body: typeof init?.body === 'string' ? init.body : '',
        text: new TextDecoder().decode(whole),
        sha256: createHash('sha256').update(whole).digest('hex'),
      });
      const hasBody = ![204, 205, 304].includes(response.status);
      return new Response(hasBody ? bytes : null, { status: response.status, headers: response.headers });
    };
  }

  /** All requests that were taken, in the order of time, with what came of them. */
  requests(): Request[] {
    const found = new Map<string, Request>();
    const fileOf = new Map<string, Request>();
    const groups = new Map<string, Request>();
    for (const p of this.#passed) {
      const [kind, id] = p.path.includes('$bulk-member-match')
        ? (['match', ''] as const)
        : (['export', /Group\/([^/]+)\/\$davinci-data-export/.exec(p.path)?.[1]] as const);
      if (p.method === 'POST' && p.status === 202 && p.job !== undefined && id !== undefined) {
        const made: Request = {
          kind,
          at: p.at,
          from: p.from,
          to: p.to,
          job: p.job,
          ready: undefined,
          listed: 0,
          group: id,
          begun: p.at,
          told: p.at,
          isWhole: !p.path.includes('_since') && !p.body.includes('_since'),
          asked: kind === 'match' ? askedIn(p.body) : new Map(),
          answered: new Map(),
          files: new Map(),
        };
        const match = groups.get(id);
        if (kind === 'export' && match !== undefined) {
          Object.assign(made, { asked: match.asked, told: match.at });
          if (![...found.values()].some((r) => r.group === id)) made.begun = match.at;
          made.answered = new Map([...match.answered].filter(([, a]) => a.bucket === 'match'));
        }
        found.set(p.job, made);
      }
      if (p.method !== 'GET' || p.status !== 200) continue;
      const job = /\$export-status\/([^/?]+)/.exec(p.path)?.[1];
      const of = job === undefined ? undefined : found.get(job);
      if (of !== undefined) {
        const manifest = JSON.parse(p.text) as Record<'output' | 'deleted' | 'error', { url: string }[] | undefined>;
        const files = [...(manifest.output ?? []), ...(manifest.deleted ?? []), ...(manifest.error ?? [])];
        of.ready ??= p.at;
        of.listed = files.length;
        for (const { url } of files) fileOf.set(new URL(url).pathname + new URL(url).search, of);
      }
      const fetched = fileOf.get(p.path);
      if (fetched === undefined) continue;
      fetched.files.set(p.path, { text: p.text, sha256: p.sha256 });
      if (fetched.kind === 'match')
        for (const group of linesOf(p.text).filter((r) => r.resourceType === 'Group') as unknown as GroupOf[]) {
          groups.set(group.id, fetched);
          const bucket = group.code.coding[0]?.code ?? '';
          for (const { entity } of group.member ?? []) {
            const told = entity.extension.find((e) => e.url === PARAMETERS)?.valueReference?.reference ?? '';
            const patient = /^Patient\/(.+)$/.exec(entity.reference)?.[1];
            fetched.answered.set(told.slice(1), { bucket, patient });
          }
        }
    }
    return [...found.values()];
  }
}

type Bundle = { part: { name: string; resource: { id: string; subscriberId?: string } }[] };
function askedIn(body: string): Map<string, AskedOf> {
  const { parameter } = JSON.parse(body) as { parameter: Bundle[] };
  return new Map(
    parameter.map(({ part }) => {
      const of = (name: string) => part.find((p) => p.name === name)?.resource;
      const number = (name: string) => of(name)?.subscriberId ?? '';
      return [of('MemberPatient')?.id ?? '', { ours: number('CoverageToLink'), theirs: number('CoverageToMatch') }];
    }),
  );
}

/** Whose records a file holds, by the id of the person where it comes from, with how many of each type. Statements and Groups are about records. */
export function heldIn(text: string): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>();
  for (const r of linesOf(text)) {
    const of = (r['subject'] ?? r['patient'] ?? r['beneficiary']) as { reference?: string } | undefined;
    const id = r.resourceType === 'Patient' ? r.id : /^Patient\/(.+)$/.exec(of?.reference ?? '')?.[1];
    if (id === undefined) continue;
    const types = found.get(id) ?? found.set(id, new Map()).get(id);
    types?.set(r.resourceType, (types.get(r.resourceType) ?? 0) + 1);
  }
  return found;
}

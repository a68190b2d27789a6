// The Marketplace part of a publication: providers.json, plans.json and their index, streamed.
import { TextFile } from '../../src/blobs/text-file.ts';
import { referenceTarget } from '../../src/fhir/reference.ts';
import { type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { planNetworks, yearOf } from '../mpf/contract.ts';
import { fillScope, planRows } from '../mpf/mpf-scope.ts';
import { fileUrl } from '../publication-files.ts';
import { LeaseLost, setFolder } from '../publish/bulk-files.ts';
import { addSet, dropCurrent, type SetFile, setCurrent } from '../publish/file-set.ts';
import type { Made, MakerContext } from '../publish/make-publication.ts';
import { inSnapshots } from '../publish/publication.ts';
import { addressLogical, readAddressed } from '../resource/logical-targets.ts';
import { networkTier, organizationRecords, personRecords, type QhpPlan } from './provider.ts';
import { facilities, networkNames, people } from './qhp-rows.ts';

/** A plan id of the Marketplace: issuer, state, number. */
const HIOS = /^[0-9]{5}[A-Z]{2}[0-9]{7}$/;
const MAX_CHARACTERS = 100_000_000;

type Plan = { resource: Resource; id: string; year: number; networks: string[] };

export async function makeQhp(context: MakerContext): Promise<Made> {
  const { deps, publication } = context;
  const plans = await readPlans(context);
  if (plans.length === 0) return { sets: [], show: (tx) => dropCurrent(tx, 'qhp', '') };
  const id = await addSet(deps.database.sql, 'qhp', publication.number);
  const folder = setFolder(publication.number, id);
  const prefix = `${publication.number}/qhp`;
  const files = await write(context, plans, folder, prefix);
  return {
    sets: [
      {
        id,
        channel: 'qhp',
        key: '',
        state: 'ready',
        summary: {
          plans: plans.length,
          providers: files.reduce((n, f) => n + (f.type === 'providers' ? f.lines : 0), 0),
        },
        files,
        show: (tx) => setCurrent(tx, 'qhp', '', id),
      },
    ],
  };
}

/** Plans of this year and the next that have a HIOS id. */
async function readPlans({ deps, publication, snapshot }: MakerContext): Promise<Plan[]> {
  const base = `${deps.config.baseUrl}/directory/fhir`;
  const thisYear = publication.startedAt.getUTCFullYear();
  const found: Plan[] = [];
  await inSnapshots(deps.database, snapshot, async (sql, beside) => {
    for await (const rows of planRows(sql))
      for (const resource of await readAddressed(beside, rows)) {
        const year = yearOf(resource);
        const id = objects(resource['identifier'])
          .map((i) => text(i['value']) ?? '')
          .find((v) => HIOS.test(v));
        if (id === undefined || year === undefined || year < thisYear || year > thisYear + 1) continue;
        const networks = [...new Set(planNetworks(resource).map((n) => referenceTarget(n, base) ?? n))];
        found.push({ resource, id, year, networks });
      }
  });
  return found;
}

/** Writes an array into as many files as it needs. */
class Arrays {
  readonly #context: MakerContext;
  readonly #folder: string;
  readonly #name: string;
  #open: { file: TextFile; n: number } | undefined;
  readonly done: {
    file: string;
    lines: number;
    blobKey: string;
    bytes: number;
    storedBytes: number;
    sha256: string;
  }[] = [];

  constructor(context: MakerContext, folder: string, name: string) {
    this.#context = context;
    this.#folder = folder;
    this.#name = name;
  }

  async add(record: JsonObject): Promise<void> {
    if (this.#open && this.#open.file.written > MAX_CHARACTERS) await this.end();
    const n = this.done.length;
    const name = `${this.#name}${n === 0 ? '' : `-${n + 1}`}.json`;
    this.#open ??= { file: new TextFile(this.#context.deps.blobs, `${this.#folder}/${name}`), n: 0 };
    const full = this.#open.file.write(`${this.#open.n++ === 0 ? '[' : ','}\n${JSON.stringify(record)}`);
    if (full) await full;
  }

  async end(): Promise<void> {
    if (!this.#open) return;
    await this.#open.file.write('\n]\n');
    const stored = await this.#open.file.end();
    this.done.push({ file: stored.blobKey.slice(this.#folder.length + 1), lines: this.#open.n, ...stored });
    this.#open = undefined;
  }
}

async function write(context: MakerContext, plans: Plan[], folder: string, prefix: string) {
  const { deps, publication, snapshot, alive } = context;
  const base = `${deps.config.baseUrl}/directory/fhir`;
  const networks = [...new Set(plans.flatMap((p) => p.networks))];
  const providers = new Arrays(context, folder, 'providers');
  const planFile = new Arrays(context, folder, 'plans');
  await inSnapshots(deps.database, snapshot, async (sql, beside) => {
    const names = await networkNames(sql, networks);
    const tier = (network: string) => networkTier(names.get(network) ?? '');
    const byNetwork = new Map<string, QhpPlan[]>();
    for (const p of plans) {
      await planFile.add(planRecord(p, p.networks.map(tier), deps.config));
      for (const n of p.networks) {
        const plan: QhpPlan = { plan_id_type: 'HIOS-PLAN-ID', plan_id: p.id, network_tier: tier(n), years: [p.year] };
        byNetwork.set(n, [...(byNetwork.get(n) ?? []), plan]);
      }
    }
    const keys = plans.map((p) => `InsurancePlan/${String(p.resource['id'])}`);
    await fillScope(sql, { plans: keys, networks, day: publication.startedAt });
    const c = { base, plans: byNetwork };
    const read = (text: string) => JSON.parse(text) as Resource; // as the store keeps it
    const readAll = (lines: string) => (lines === '' ? [] : lines.split('\n').map(read));
    for (const [source, records] of [
      [people, personRecords],
      [facilities, organizationRecords],
    ] as const)
      for await (const rows of source(sql)) {
        if (!alive()) throw new LeaseLost();
        const found = rows.map((row) => ({
          provider: read(row.body),
          parts: { all: readAll(row.links), places: readAll(row.places) },
        }));
        await addressLogical(
          beside,
          found.flatMap(({ parts }) => [...parts.all, ...parts.places]),
        );
        for (const { provider, parts } of found)
          for (const record of records(provider, parts, c)) await providers.add(record);
      }
  });
  await providers.end();
  await planFile.end();
  const url = (f: { file: string }) => fileUrl(deps.config, `${prefix}/${f.file}`);
  const index = new TextFile(deps.blobs, `${folder}/cms-data-index.json`);
  await index.write(
    JSON.stringify({ provider_urls: providers.done.map(url), plan_urls: planFile.done.map(url), formulary_urls: [] }),
  );
  const stored = { file: 'cms-data-index.json', lines: 0, ...(await index.end()) };
  const all = [
    ...providers.done.map((f) => ({ ...f, kind: 'output' as const, type: 'providers' })),
    ...planFile.done.map((f) => ({ ...f, kind: 'output' as const, type: 'plans' })),
    { ...stored, kind: 'index' as const, type: 'index' },
  ];
  return all.map(
    ({ file, ...f }, position): Omit<SetFile, 'setId'> => ({
      ...f,
      position,
      name: `${prefix}/${file}`,
      media: 'application/json',
      gzip: false,
    }),
  );
}

function planRecord(
  p: Plan,
  tiers: string[],
  config: { planContactEmail: string; planSummaryUrl: string | undefined; baseUrl: string },
): JsonObject {
  const mail = objects(p.resource['contact'])
    .flatMap((c) => objects(c['telecom']))
    .find((t) => t['system'] === 'email');
  return {
    plan_id_type: 'HIOS-PLAN-ID',
    plan_id: p.id,
    marketing_name: text(p.resource['name']) ?? p.id,
    summary_url: config.planSummaryUrl ?? `${config.baseUrl}/`,
    plan_contact: text(mail?.['value']) ?? config.planContactEmail,
    network: [...new Set(tiers)].map((network_tier) => ({ network_tier })),
    formulary: [],
    years: [p.year],
    last_updated_on: (text(objects(p.resource['meta'])[0]?.['lastUpdated']) ?? '').slice(0, 10),
  };
}

// The Medicare Plan Finder part of a publication: for each contract and year an index and Bundles, audited before they are
// shown. A fatal finding leaves what was shown before. docs/publication.md
import { TextFile } from '../../src/blobs/text-file.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { referenceTarget } from '../../src/fhir/reference.ts';
import { csvRow } from '../../src/ui/csv.ts';
import { fileUrl } from '../publication-files.ts';
import { LeaseLost, setFolder } from '../publish/bulk-files.ts';
import { addSet, channelSets, dropCurrent, type SetFile, setCurrent } from '../publish/file-set.ts';
import type { Made, MadeSet, MakerContext } from '../publish/make-publication.ts';
import { inSnapshots } from '../publish/publication.ts';
import { readAddressed } from '../resource/logical-targets.ts';
import { auditMpf, type MpfFinding } from './audit.ts';
import { type BundleFile, BundleFiles, readBundle } from './bundle-files.ts';
import { MPF_CODE_NAMES, MPF_CODES } from './codes.ts';
import { contractsOf, planNetworks, yearOf } from './contract.ts';
import { fillScope, planRows, scopeRows } from './mpf-scope.ts';
import { MPF_TYPES, shapeForMpf } from './shape.ts';

/** What is known of a set: the report is made from it. */
export type MpfSummary = {
  contract: string;
  year: number;
  counts: Record<string, number>;
  resources: Record<string, number>;
  fatal: boolean;
  plans: number;
  /** the first records of each code */
  examples: Record<string, { resource: string; element: string; file: string }[]>;
};

type Job = { contract: string; year: number; plans: string[]; networks: Set<string> };

const EXAMPLES = 20;
const JSON_MEDIA = 'application/json';
const mpfKey = (contract: string, year: number) => `${contract}/${year}`;

export async function makeMpf(context: MakerContext): Promise<Made> {
  const wanted = await jobs(context);
  const sets: MadeSet[] = [];
  for (const job of wanted) sets.push(await makeOne(context, job));
  const keys = new Set(wanted.map((job) => mpfKey(job.contract, job.year)));
  const past = (await channelSets(context.deps.database.sql, 'mpf')).map((s) => s.key).filter((key) => !keys.has(key));
  return {
    sets,
    async show(tx) {
      for (const key of past) await dropCurrent(tx, 'mpf', key);
    },
  };
}

/** Contracts with plans of this year or the next. */
async function jobs({ deps, publication, snapshot }: MakerContext): Promise<Job[]> {
  const base = `${deps.config.baseUrl}/directory/fhir`;
  const thisYear = publication.startedAt.getUTCFullYear();
  const found = new Map<string, Job>();
  await inSnapshots(deps.database, snapshot, async (sql, beside) => {
    for await (const rows of planRows(sql))
      for (const plan of await readAddressed(beside, rows)) {
        const year = yearOf(plan);
        if (year === undefined || year < thisYear || year > thisYear + 1) continue;
        for (const contract of contractsOf(plan)) {
          const key = mpfKey(contract, year);
          const job = found.get(key) ?? { contract, year, plans: [], networks: new Set<string>() };
          found.set(key, job);
          job.plans.push(`InsurancePlan/${String(plan['id'])}`);
          for (const n of planNetworks(plan)) job.networks.add(referenceTarget(n, base) ?? n);
        }
      }
  });
  return [...found.values()].sort((a, b) => (mpfKey(a.contract, a.year) < mpfKey(b.contract, b.year) ? -1 : 1));
}

async function makeOne(context: MakerContext, job: Job): Promise<MadeSet> {
  const { deps, publication } = context;
  const key = mpfKey(job.contract, job.year);
  const id = await addSet(deps.database.sql, 'mpf', publication.number, key);
  const folder = setFolder(publication.number, id);
  const prefix = `${publication.number}/mpf/${key}`;
  const bundles = await writeBundles(context, job, folder);
  const index = JSON.stringify({
    provider_urls: bundles.map((f) => fileUrl(deps.config, `${prefix}/${f.file}`)),
  });
  const report = await audit(context, job, folder, bundles, index);
  const indexFile = new TextFile(deps.blobs, `${folder}/index.json`);
  await indexFile.write(index);
  const stored = await indexFile.end();
  const file = (
    kind: SetFile['kind'],
    type: string,
    name: string,
    media: string,
    f: { blobKey: string; bytes: number; storedBytes: number; sha256: string; lines?: number },
  ): Omit<SetFile, 'setId' | 'position'> => ({
    kind,
    type,
    name: `${prefix}/${name}`,
    blobKey: f.blobKey,
    media,
    gzip: false,
    lines: f.lines ?? 0,
    bytes: f.bytes,
    storedBytes: f.storedBytes,
    sha256: f.sha256,
  });
  const files = [
    ...bundles.map((f) => file('output', f.type, f.file, JSON_MEDIA, f)),
    file('index', 'index', 'index.json', JSON_MEDIA, stored),
    file('report', 'csv', 'audit.csv', 'text/csv; charset=utf-8; header=present', report.csv),
    file('report', 'json', 'audit.json', JSON_MEDIA, report.json),
  ].map((f, position) => ({ ...f, position }));
  const { fatal } = report.summary;
  return {
    id,
    channel: 'mpf',
    key,
    state: fatal ? 'blocked' : 'ready',
    summary: report.summary,
    files,
    ...(fatal ? {} : { show: (tx) => setCurrent(tx, 'mpf', key, id) }),
  };
}

async function writeBundles({ deps, publication, snapshot, alive }: MakerContext, job: Job, folder: string) {
  const base = `${deps.config.baseUrl}/directory/fhir`;
  const files = new BundleFiles(deps.blobs, folder, { base, timestamp: formatInstant(publication.covers) });
  // next year's files tell who is in the networks when that year begins
  const begins = new Date(Date.UTC(job.year, 0, 1));
  const day = begins > publication.startedAt ? begins : publication.startedAt;
  try {
    await inSnapshots(deps.database, snapshot, async (sql, beside) => {
      await fillScope(sql, { plans: job.plans, networks: [...job.networks], day });
      for (const type of MPF_TYPES)
        for await (const rows of scopeRows(sql, type)) {
          if (!alive()) throw new LeaseLost();
          for (const resource of await readAddressed(beside, rows))
            await files.write(shapeForMpf(resource, { contract: job.contract, base, networks: job.networks }));
        }
    });
    return await files.finish();
  } catch (error) {
    await files.abandon();
    throw error;
  }
}

/** Audits the files as they lie there, and writes the report beside them. */
async function audit(
  { deps, publication }: MakerContext,
  job: Job,
  folder: string,
  bundles: BundleFile[],
  index: string,
) {
  const csv = new TextFile(deps.blobs, `${folder}/audit.csv`);
  const json = new TextFile(deps.blobs, `${folder}/audit.json`);
  const about = { contract: job.contract, year: job.year, publication: publication.number };
  await csv.write('code,level,name,resource,element,file\r\n');
  await json.write(`${JSON.stringify(about).slice(0, -1)},"records":[`);
  const examples: MpfSummary['examples'] = {};
  let n = 0;
  const result = await auditMpf({
    contract: job.contract,
    year: job.year,
    now: publication.startedAt,
    index,
    allowHttp: deps.config.sandbox,
    sizes: bundles.map((f) => f.bytes),
    entries: async function* () {
      for (const f of bundles) {
        const stream = await deps.blobs.get(f.blobKey);
        if (!stream) throw new Error('a file of the set is missing');
        yield* readBundle(f.file, stream);
      }
    },
    async onFinding(finding: MpfFinding) {
      const { level, name } = MPF_CODES[finding.code];
      const { code, resource, element, file } = finding;
      const list = examples[code] ?? [];
      examples[code] = list;
      if (list.length < EXAMPLES) list.push({ resource, element, file });
      await csv.write(csvRow([code, level, name, resource, element, file]));
      await json.write(`${n++ === 0 ? '' : ','}\n${JSON.stringify({ code, level, resource, element, file })}`);
    },
  });
  const codes = MPF_CODE_NAMES.map((code) => {
    const { level, name, how, text } = MPF_CODES[code];
    return { code, level, name, how, text, count: how === 'files' ? (result.counts[code] ?? 0) : null };
  });
  await json.write(
    `],"resources":${JSON.stringify(result.resources)},"fatal":${result.fatal},"codes":${JSON.stringify(codes)}}\n`,
  );
  const summary: MpfSummary = { ...result, contract: job.contract, year: job.year, plans: job.plans.length, examples };
  return { summary, csv: await csv.end(), json: await json.end() };
}

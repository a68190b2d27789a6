// What does a reader wait while two hundred clients ask nothing but searches that take long? Reads, names, NPIs and specialties, fifty a
// second, alone and then beside them.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mixed } from './capacity.ts';
import { type Bench, type Load, load, type Question } from './harness.ts';

const CLIENTS = 200;
const ASKED = ['read', 'name', 'npi', 'specialty+include'];
const READERS = { connections: 4, rate: 50, seconds: 8 };
/** Far circles in an order, people by the places of their roles, parts of names: in the middle of the country most of it is near. */
const FAR = [
  'PractitionerRole?location.near=41.8|-87.6|2400|km&active=true&_sort=_lastUpdated&_count=20',
  'Practitioner?_has:PractitionerRole:practitioner:location.near=41.8|-87.6|2400|km&_sort=family&_count=20',
  'OrganizationAffiliation?location.near=40|-90|2000|km&_sort=-_lastUpdated&_count=50',
  'PractitionerRole?location.near=40|-90|2400|km&specialty-like=doctor&_sort=near',
  'Practitioner?name:contains=a&_sort=-family&_total=accurate',
];

function farSearches(): string {
  const file = join(tmpdir(), `payer-node-far-${process.pid}`);
  writeFileSync(file, FAR.map((path) => `/directory/fhir/${encodeURI(path)}`).join('\n'));
  return file;
}

export const overload: Question = async (bench: Bench) => {
  const url = await bench.directory();
  const server = await bench.start('serve.ts', ['product', url]);
  try {
    const usual = await mixed(bench, url, ASKED);
    const alone = await load(bench, server, usual, READERS);
    const port = String(server.ready['port']);
    const far = await bench.start('load.ts', [port, farSearches(), '3600', String(CLIENTS)]);
    let beside: Load;
    try {
      beside = await load(bench, server, usual, READERS);
    } finally {
      await far.stop();
    }
    return [
      {
        question: `a reader beside ${CLIENTS} clients of long searches: p99`,
        size: bench.size,
        unit: 'ms, raw: alone',
        product: beside.p99,
        raw: alone.p99,
        ratio: Math.round((beside.p99 / alone.p99) * 100) / 100,
        cpuMs: beside.cpuMs,
        databaseCpuMs: 0,
        p50: beside.p50,
        p99: beside.p99,
        rssMb: beside.rssMb,
      },
    ];
  } finally {
    await server.stop();
  }
};

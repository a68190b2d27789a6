// The validator on data of others (folder TEST_DATA_DIR). The counts were
// taken a second time by a separate script and agree with the defect list of the data; docs/validation.md explains them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Issue, validate } from '../../../src/fhir/validate/validate.ts';

const root = process.env['TEST_DATA_DIR'] ?? '';
const folder = (name: string) => join(root, name);
const there = (name: string) => root !== '' && existsSync(folder(name));

function ndjson(path: string): unknown[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

/** `severity code Type` → number of resources that have it at least once. */
function count(resources: readonly unknown[], into: Record<string, number> = {}): Record<string, number> {
  for (const resource of resources) {
    const type = (resource as { resourceType: string }).resourceType;
    for (const key of new Set(validate(resource).map((i) => `${i.severity} ${i.code} ${type}`)))
      into[key] = (into[key] ?? 0) + 1;
  }
  return into;
}

function countFolder(name: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const file of readdirSync(folder(name)).sort())
    if (/\.ndjson(\.gz)?$/.test(file)) count(ndjson(join(folder(name), file)), counts);
  return counts;
}

test.skipIf(!there('data/plannet-ri-nppes'))('Plan-Net reference data (TEST_DATA_DIR): the known defects', () => {
  expect(countFolder('data/plannet-ri-nppes')).toEqual({
    // identifier.value is a JSON number
    'finding number-as-string Organization': 118,
    'finding number-as-string Practitioner': 4,
    'finding us-core-17 Practitioner': 1785,
    'finding us-core-17 Organization': 44,
    // type code `medicare`
    'finding profile-binding InsurancePlan': 3,
    'finding odd-postal-code Practitioner': 1909,
    'finding odd-postal-code Location': 37,
    'finding odd-postal-code Organization': 37,
    // 590 phones and 577 faxes
    'finding odd-phone PractitionerRole': 997,
    'finding odd-phone Practitioner': 997,
    'finding odd-phone Location': 319,
    'finding odd-phone HealthcareService': 82,
    'finding odd-phone Organization': 92,
    'finding odd-phone Endpoint': 13,
  });
});

test.skipIf(!there('data/members-synthea-smart'))('member data (TEST_DATA_DIR): nothing is refused', () => {
  expect(countFolder('data/members-synthea-smart')).toEqual({
    // the generator's NPIs: 9999999679 and its like
    'finding us-core-17 Practitioner': 181,
    // leading zero lost: 2740
    'finding odd-postal-code Practitioner': 28,
    'finding odd-postal-code Organization': 28,
    // exchange code beginning with 1; two numbers in one value
    'finding odd-phone Patient': 10,
    'finding odd-phone Organization': 4,
  });
});

/** Texts of the files of a .tgz whose path matches. https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html */
function untar(path: string, wanted: RegExp): Map<string, string> {
  const tar = gunzipSync(readFileSync(path));
  const files = new Map<string, string>();
  for (let at = 0; at + 512 <= tar.length; ) {
    const field = (from: number, length: number) =>
      tar.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12), 8) || 0;
    const name = [field(345, 155), field(0, 100)].filter((part) => part !== '').join('/');
    if (wanted.test(name)) files.set(name, tar.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

// not base64: a hash `EQH/..AgME`
const THEIRS = new Set(['hl7.fhir.us.core-3.1.1.tgz DiagnosticReport-cardiology-report.json']);

describe.skipIf(!there('ig'))('examples of published guides (TEST_DATA_DIR) are valid base R4', () => {
  const packages = there('ig') ? readdirSync(folder('ig')).filter((file) => file.endsWith('.tgz')) : [];
  test.each(packages)('%s', (file) => {
    const examples = untar(join(folder('ig'), file), /^package\/example\/[A-Z][^/]*\.json$/);
    expect(examples.size).toBeGreaterThan(20);
    const bad: Record<string, Issue[]> = {};
    for (const [path, text] of examples) {
      const name = `${file} ${path.slice(path.lastIndexOf('/') + 1)}`;
      const errors = validate(JSON.parse(text)).filter((i) => i.severity === 'error');
      if (errors.length > 0 && !THEIRS.has(name)) bad[name] = errors;
    }
    expect(bad).toEqual({});
  });
});

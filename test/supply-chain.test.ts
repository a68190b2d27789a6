// What is installed, and what may stand in the tree: exact versions with their hashes, no scripts but those that are named, no package of FHIR
// definitions by its FHIR name (anybody may have taken it in a registry of JavaScript), and no secret.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
type Manifest = Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Record<string, string>> & {
  allowScripts: Record<string, boolean>;
};
type Lock = { lockfileVersion: number; packages: Record<string, { integrity?: string; hasInstallScript?: boolean }> };
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as Lock;
const installed = Object.entries(lock.packages).filter(([place]) => place !== '');

/** Texts of the project: all that is written by hand. */
function texts(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile() && /\.(?:ts|mjs|md|json|jsonc|toml|yaml|sql|csv|ndjson)$/.test(f.name))
    .map((f) => join(f.parentPath, f.name));
}
const FOLDERS = ['src', 'directory', 'exchange', 'test', 'bench', 'scripts', 'docs', 'drizzle', '.ci'];
const TOP = ['package.json', '.npmrc', 'Dockerfile', 'compose.yaml', 'wrangler.toml', 'README.md', 'CONTRIBUTING.md'];
const all = [
  ...TOP.map((f) => join(ROOT, f)),
  join(ROOT, '.ci/run'),
  ...FOLDERS.flatMap((f) => texts(f)).filter((f) => f !== import.meta.filename),
];
const holding = (pattern: RegExp) => all.filter((f) => pattern.test(readFileSync(f, 'utf8')));

test('every version is exact, and what is installed has the hash of the lockfile', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const asked = { ...dependencies, ...devDependencies, ...optionalDependencies };
  expect(Object.entries(asked).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[a-z0-9.]+)?$/.test(version))).toEqual([]);
  expect(lock.lockfileVersion).toBe(3);
  expect(installed.length).toBeGreaterThan(100);
  expect(installed.filter(([, p]) => !p.integrity?.startsWith('sha512-'))).toEqual([]);
  expect(Object.keys(asked).filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([]);
});

test('packages that run something when they are installed are named, and no others are', () => {
  const running = installed
    .filter(([, p]) => p.hasInstallScript === true)
    .map(([place]) => place.split('node_modules/').at(-1));
  expect(running.sort()).toEqual(Object.keys(manifest.allowScripts).sort());
});

test('nothing installs anything else than the lockfile says, nor definitions of FHIR by their FHIR names', () => {
  expect(installed.filter(([place]) => /hl7\.fhir|(?:^|\/)hl7[.-]/.test(place))).toEqual([]);
  expect(holding(/\b(?:npm|npx|pnpm|yarn)\b[^\n]*\bhl7\./)).toEqual([]);
  expect(holding(/\bnpm (?:i|install|add)\b(?! -g)/)).toEqual([]);
});

test('no private key and no key of a cloud stands in the tree', () => {
  expect(all.length).toBeGreaterThan(1000);
  expect(holding(/-----BEGIN [A-Z ]*PRIVATE KEY-----/)).toEqual([]);
  expect(holding(/\\?"d\\?": ?\\?"[A-Za-z0-9_-]{40,}/)).toEqual([]);
  expect(holding(/\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bxox[abp]-[0-9A-Za-z-]{20,}/)).toEqual([]);
});

// The structure of the house, held by reading its imports: docs/architecture.md says why.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../src/version.ts';

const root = resolve(import.meta.dirname, '..');
const files = ['src', 'directory', 'exchange'].flatMap((folder) => walk(join(root, folder)));

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    return e.isDirectory() ? walk(path) : /\.tsx?$/.test(e.name) ? [path] : [];
  });
}

type Import = { from: string; to: string };
const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  const found = [
    ...text.matchAll(/^(?:import|export)\s[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gms),
  ];
  return found.map((m) => {
    const target = m[1] ?? m[2] ?? m[3] ?? '';
    const to = target.startsWith('.') ? relative(root, resolve(dirname(file), target)) : target;
    return { from: relative(root, file), to };
  });
});

/** Imports that break a rule, as text. */
const broken = (isIn: (path: string) => boolean, mayNot: (to: string, from: string) => boolean) =>
  imports.filter((i) => isIn(i.from) && mayNot(i.to, i.from)).map((i) => `${i.from} → ${i.to}`);
const under =
  (...folders: string[]) =>
  (path: string) =>
    folders.some((f) => path === f || path.startsWith(`${f}/`));

/** Pages for people; what they show is read by the files of data beside them and by the subjects. */
const isPage = (path: string) =>
  under('exchange/staff', 'directory/pages', 'directory/federation/staff')(path) && !under('exchange/staff/data')(path);

describe('direction of imports', () => {
  test('imports are found at all', () => expect(imports.length).toBeGreaterThan(200));

  test('no file needs itself by way of others', () => {
    const needs = new Map(files.map((file) => [relative(root, file), [] as string[]]));
    for (const { from, to } of imports) if (needs.has(to)) needs.get(from)?.push(to);
    // files that need none that is left go, until none does
    for (let before = -1; before !== needs.size; ) {
      before = needs.size;
      for (const [file, of] of needs) if (!of.some((f) => needs.has(f))) needs.delete(file);
    }
    // what only leads to a circle goes too
    for (let before = -1; before !== needs.size; ) {
      before = needs.size;
      const needed = new Set([...needs.values()].flat());
      for (const file of needs.keys()) if (!needed.has(file)) needs.delete(file);
    }
    expect([...needs.keys()]).toEqual([]);
  });

  test('directory and exchange never import each other', () => {
    expect(broken(under('directory'), under('exchange'))).toEqual([]);
    expect(broken(under('exchange'), under('directory'))).toEqual([]);
  });

  test('federation stands on the directory, which does not know it', () => {
    const without = (path: string) =>
      under('directory')(path) && !under('directory/federation', 'directory/commands', 'directory/mount.ts')(path);
    expect(broken(without, under('directory/federation'))).toEqual([]);
  });

  test('the core imports neither service; only src/main.ts composes them', () => {
    const core = (path: string) => under('src')(path) && path !== 'src/main.ts';
    expect(broken(core, under('directory', 'exchange', 'src/main.ts'))).toEqual([]);
  });

  test('src/fhir is pure: no web framework, no SQL, no runtime, no store', () => {
    expect(
      broken(
        under('src/fhir'),
        (to) =>
          /^(hono|postgres|drizzle-orm|undici|jose)/.test(to) ||
          under('src/db', 'src/http', 'src/auth', 'src/net', 'src/runtime', 'src/deps.ts', 'src/config.ts')(to),
      ),
    ).toEqual([]);
  });

  test('the database core knows no web framework', () => {
    expect(broken(under('src/db'), (to) => /^(hono|@hono)/.test(to) || under('src/http', 'src/auth')(to))).toEqual([]);
  });

  test('pages and the pure core hold no SQL: subjects, the database core and the runtime know the driver', () => {
    expect(
      broken(
        (f) => isPage(f) || under('src/fhir', 'src/http', 'src/ui', 'src/net', 'src/names')(f),
        (to) => /^(postgres|drizzle-orm)(\/|$)/.test(to),
      ),
    ).toEqual([]);
  });

  test('bytes of rows are taken from the driver in one place, which copies them', () => {
    const taking = files.filter((f) => /\.raw\(\)/.test(readFileSync(f, 'utf8'))).map((f) => relative(root, f));
    expect(taking).toEqual(['src/db/raw-rows.ts']);
  });

  test('no two locks of the database have one number: who takes the one would wait for who holds the other', () => {
    const locks = files.flatMap((f) =>
      [...readFileSync(f, 'utf8').matchAll(/const ([A-Z_]+_LOCK) = ([\d_]+)/g)].map((m) => [m[2], m[1]] as const),
    );
    expect(locks.length).toBeGreaterThan(4);
    expect(new Map(locks).size).toBe(locks.length);
  });

  test('pages ask for data, never for tables', () => {
    expect(broken(isPage, under('src/db'))).toEqual([]);
  });

  test('what runs on Workers needs no Node-only package', () => {
    const nodeOnly =
      /^(undici|node-cron|prom-client|commander|cli-progress|@hono\/node-server|node:child_process|node:worker_threads)/;
    expect(
      broken(
        (f) =>
          !under('src/runtime', 'src/main.ts', 'src/import', 'src/seed', 'directory/commands', 'exchange/commands')(f),
        (to) => nodeOnly.test(to),
      ),
    ).toEqual([]);
  });
});

describe('files', () => {
  test('have names that say what they are', () => {
    expect(files.filter((f) => /\/(utils?|helpers?|common|manager|service|misc)\.tsx?$/.test(f))).toEqual([]);
  });

  test('stay readable: under 320 lines, data and schema apart', () => {
    const long = files.filter(
      (f) =>
        !f.includes('/tables/') &&
        !/\/(settings|schema)\.ts$/.test(f) &&
        readFileSync(f, 'utf8').split('\n').length > 320,
    );
    expect(long.map((f) => relative(root, f))).toEqual([]);
  });

  test('leave nothing for later', () => {
    expect(
      files.filter((f) => /\b(TODO|FIXME|XXX)\b/.test(readFileSync(f, 'utf8'))).map((f) => relative(root, f)),
    ).toEqual([]);
  });

  test('migrations are named by time and intent', () => {
    const folder = join(root, 'drizzle');
    const names = readdirSync(folder).filter((n) => statSync(join(folder, n)).isDirectory());
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      expect(name).toMatch(/^\d{14}_[a-z0-9_]+$/);
    }
  });

  test('bodies of requests are read where they have a limit', () => {
    const reads = /\bc\.req\.(raw\.)?(text|json|arrayBuffer|blob|formData|parseBody|body)\b/;
    const bad = files.filter((f) => reads.test(readFileSync(f, 'utf8'))).map((f) => relative(root, f));
    expect(bad).toEqual(['src/http/body.ts']);
  });

  test('clinical tables are asked with their member named', () => {
    // every statement on them joins or compares member_id; the export reads by a set of members
    const clinical = /\b(from|join|update|into)\s+exchange\.(resource|resource_version|link)\b/;
    const bad = files.flatMap((f) => {
      const statements = readFileSync(f, 'utf8').match(/`[^`]*`/g) ?? [];
      return statements.filter((s) => clinical.test(s) && !/member_id/.test(s)).map(() => relative(root, f));
    });
    expect([...new Set(bad)]).toEqual([]);
  });

  test('the version is that of package.json', () => {
    const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(VERSION).toBe(pkg.version);
  });
});

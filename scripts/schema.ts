// Migrations from the typed schema: `check` fails when drizzle-kit would write one; `baseline` writes the baseline again, which is the
// only generated migration until the first release.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'drizzle');
const BASELINE = '20261207000000_baseline';

/** Runs drizzle-kit on the schema and the migrations in `out`. @returns the folders that it added */
function generate(out: string): string[] {
  const known = new Set(readdirSync(out));
  const config = join(out, '.config.ts');
  writeFileSync(
    config,
    `import config from ${JSON.stringify(join(root, 'drizzle.config.ts'))};\nexport default { ...config, out: ${JSON.stringify(out)} };\n`,
  );
  const run = spawnSync(join(root, 'node_modules/.bin/drizzle-kit'), ['generate', '--config', config], {
    cwd: root,
    encoding: 'utf8',
  });
  rmSync(config);
  if (run.status !== 0) throw new Error(`drizzle-kit generate failed: ${run.stdout}${run.stderr}`);
  return readdirSync(out).filter((name) => !known.has(name));
}

const temporary = mkdtempSync(join(tmpdir(), 'payer-node-schema-'));
try {
  if (process.argv[2] === 'baseline') {
    const [made] = generate(temporary);
    if (made === undefined) throw new Error('The schema has no tables.');
    rmSync(join(folder, BASELINE), { recursive: true, force: true });
    cpSync(join(temporary, made), join(folder, BASELINE), { recursive: true });
  } else {
    cpSync(folder, temporary, { recursive: true });
    const [made] = generate(temporary);
    if (made !== undefined) {
      console.error(readFileSync(join(temporary, made, 'migration.sql'), 'utf8'));
      console.error('The migrations differ from the schema. Before the first release: npm run schema:baseline.');
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

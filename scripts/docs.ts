// Prints the parts of the documentation that are tables of the code. `--check` changes nothing and fails when a page differs from the code, or when a
// page names a page, setting or test that does not exist.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TRIPS } from '../directory/federation/breaker.ts';
import { CHOICES } from '../directory/federation/compare/choose.ts';
import { RULES } from '../directory/federation/judge-pair.ts';
import { QUESTIONS } from '../exchange/compliance/report/questions.ts';
import { ENROLMENT_COLUMNS } from '../exchange/members/enrolment/enrolment.ts';
import { LIMITS } from '../exchange/requester/client/limits.ts';
import { METRICS } from '../src/deps.ts';
import { OUTCOMES } from '../src/fhir/outcome.ts';
import { PARAMETERS } from '../src/fhir/search/parameters.ts';
import { ISSUES } from '../src/fhir/validate/issue.ts';
import { REJECTS } from '../src/import/reject.ts';
import { SETTINGS, type Setting } from '../src/settings.ts';

const code = (text: string) => (text === '' ? '' : `\`${text}\``);
const row = (cells: string[]) => `|${cells.map((c) => c.replaceAll('|', '\\|')).join('|')}|`;
const table = (head: string[], rows: string[][]) => [head, head.map(() => '---'), ...rows].map(row).join('\n');
const meanings = (head: string, rows: Readonly<Record<string, string>>) =>
  table(
    [head, 'Meaning'],
    Object.entries(rows).map(([name, text]) => [code(name), text]),
  );

const SETTING: Setting[] = Object.values(SETTINGS);
const settings = (): string =>
  [...new Set(SETTING.map((s) => s.group))]
    .map((group) => {
      const rows = SETTING.filter((s) => s.group === group).map((s) => [
        code(s.env),
        s.doc,
        s.default === '' ? '—' : code(s.default),
      ]);
      return `## ${group}\n\n${table(['Variable', 'Meaning', 'Default'], rows)}`;
    })
    .join('\n\n');

const outcomes = () =>
  table(
    ['Code', 'Status', 'issue.code', 'Meaning'],
    Object.entries(OUTCOMES).map(([name, o]) => [code(name), String(o.status), code(o.issue), o.text]),
  );
const metrics = () =>
  table(
    ['Metric', 'Kind', 'Labels', 'Meaning'],
    Object.entries(METRICS).map(([name, m]) => [
      code(`payer_node_${name}`),
      m.kind,
      m.labels.map(code).join(' '),
      m.help,
    ]),
  );
const parameters = () =>
  table(
    ['Type', 'Parameters'],
    [...PARAMETERS].map(([type, own]) => [type, [...own.keys()].sort().join(', ')]),
  );
const limits = () =>
  table(
    ['Limit', 'Default', 'Meaning'],
    Object.entries(LIMITS).map(([name, l]) => [code(name), `${l.value.toLocaleString('en-US')} ${l.unit}`, l.help]),
  );
const questions = () =>
  table(
    ['No.', 'Question', 'Page', 'Evidence pack'],
    QUESTIONS.map((q, i) => [String(i + 1), q.question, code(q.page), q.pack.map(code).join(', ')]),
  );
const issues = () =>
  (['error', 'finding'] as const)
    .map((level) => {
      const rows = Object.entries(ISSUES).filter(([, issue]) => issue.severity === level);
      return meanings(level, Object.fromEntries(rows.map(([name, issue]) => [name, issue.text])));
    })
    .join('\n\n');

/** page → marker → text. A page holds `<!-- marker -->` … `<!-- /marker -->`. */
const PARTS: Record<string, Record<string, () => string>> = {
  'docs/settings.md': { settings },
  'docs/errors.md': { outcomes },
  'docs/operations.md': { metrics },
  'docs/search.md': { parameters },
  'docs/pulls.md': { limits },
  'docs/answer-auditor.md': { questions },
  'docs/enrollment.md': { columns: () => `\`\`\`csv\n${ENROLMENT_COLUMNS.join(',')}\n\`\`\`` },
  'docs/import.md': { rejects: () => meanings('Code', REJECTS) },
  'docs/validation.md': { issues },
  'docs/federation.md': {
    trips: () => meanings('Limit', TRIPS),
    choices: () => meanings('Rule', CHOICES),
    rules: () => meanings('Rule', RULES),
  },
};

const faults: string[] = [];
const isCheck = process.argv.includes('--check');

for (const [page, parts] of Object.entries(PARTS)) {
  const before = readFileSync(page, 'utf8');
  let after = before;
  for (const [marker, print] of Object.entries(parts)) {
    const place = new RegExp(`(<!-- ${marker} -->\\n)[\\s\\S]*?(\\n?<!-- /${marker} -->)`);
    if (!place.test(after)) faults.push(`${page} has no place for ${marker}.`);
    after = after.replace(place, (_, open: string) => `${open}\n${print()}\n\n<!-- /${marker} -->`);
  }
  if (after === before) continue;
  if (isCheck) faults.push(`${page} differs from the code: run npm run docs.`);
  else writeFileSync(page, after);
}

/** Variables that pages name and that are no settings of ours. */
const FOREIGN = new Set([
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'MALLOC_ARENA_MAX',
  'POSTGRES_PASSWORD',
  'PSEUDONYM_KEY',
  'PAYER_NODE_USER',
]);
const known = new Set([...SETTING.map((s) => s.env), ...FOREIGN]);
const pages = [...globSync('*.md'), ...globSync('docs/**/*.md')];
for (const page of pages) {
  const text = readFileSync(page, 'utf8');
  for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g))
    if (!existsSync(join(dirname(page), target))) faults.push(`${page} links ${target}, which does not exist.`);
  for (const [, name = ''] of text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g))
    if (page !== 'docs/settings.md' && !known.has(name))
      faults.push(`${page} names the setting ${name}, which does not exist.`);
}

const tests = globSync('test/**/*.test.ts').map((file) => `/${file.replace(/(?:\.long)?\.test\.ts$/, '')}`);
for (const line of readFileSync('docs/attacks.md', 'utf8').split('\n')) {
  const cell = line.startsWith('| ') ? (line.split(' | ').at(-1) ?? '') : '';
  for (const [, name = ''] of cell.matchAll(/`([a-z0-9/-]+)`/g))
    if (!tests.some((test) => test.endsWith(`/${name}`)))
      faults.push(`docs/attacks.md names the test ${name}, which does not exist.`);
}

for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;

// Prints the parts of the documentation that are tables of the code. `--check` changes nothing and fails when a page is
// not what the code says.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { TRIPS } from '../directory/federation/breaker.ts';
import { CHOICES } from '../directory/federation/compare/choose.ts';
import { FINDINGS, REFERENCE_FINDINGS } from '../directory/federation/findings.ts';
import { RULES } from '../directory/federation/judge-pair.ts';
import { REASONS } from '../directory/federation/reasons.ts';
import { SIGNALS } from '../directory/federation/signals.ts';
import { LIMITS } from '../exchange/client/limits.ts';
import { ENROLMENT_COLUMNS } from '../exchange/members/enrolment.ts';
import { PEER_FAULTS } from '../exchange/reconcile/peer-faults.ts';
import { QUESTIONS } from '../exchange/report/compliance/questions.ts';
import { METRICS } from '../src/deps.ts';
import { OUTCOMES } from '../src/fhir/outcome.ts';
import { SETTINGS, type Setting } from '../src/settings.ts';

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((r) => `| ${r.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
const code = (text: string) => (text === '' ? '' : `\`${text}\``);

const settings = (): string => {
  const groups = [...new Set(Object.values(SETTINGS).map((s) => s.group))];
  return groups
    .map((group) => {
      const rows = (Object.values(SETTINGS) as Setting[]).filter((s) => s.group === group);
      return `### ${group}\n\n${table(
        ['Variable', 'Meaning', 'Default'],
        rows.map((s) => [code(s.env), s.doc, s.default === '' ? '—' : code(s.default)]),
      )}`;
    })
    .join('\n\n');
};

/** page → marker → text. A page holds `<!-- marker -->` … `<!-- /marker -->`. */
const PARTS: Record<string, Record<string, () => string>> = {
  'docs/settings.md': { settings },
  'docs/errors.md': {
    outcomes: () =>
      table(
        ['Code', 'Status', 'issue.code', 'Meaning'],
        Object.entries(OUTCOMES).map(([c, o]) => [code(c), String(o.status), code(o.issue), o.text]),
      ),
  },
  'docs/operations.md': {
    metrics: () =>
      table(
        ['Metric', 'Kind', 'Labels', 'Meaning'],
        Object.entries(METRICS).map(([n, m]) => [
          code(`payer_node_${n}`),
          m.kind,
          m.labels.map(code).join(' '),
          m.help,
        ]),
      ),
  },
  'docs/federation.md': {
    trips: () =>
      table(
        ['Trip', 'When'],
        Object.entries(TRIPS).map(([n, t]) => [code(n), t]),
      ),
    reasons: () =>
      table(
        ['Reason', 'Meaning'],
        Object.entries(REASONS).map(([n, r]) => [code(n), r.text]),
      ),
    findings: () =>
      table(
        ['Finding', 'Meaning'],
        Object.entries({ ...FINDINGS, ...REFERENCE_FINDINGS }).map(([n, t]) => [code(n), t]),
      ),
    rules: () =>
      table(
        ['Rule', 'Meaning'],
        Object.entries(RULES).map(([n, t]) => [code(n), t]),
      ),
    choices: () =>
      table(
        ['Rule', 'Meaning'],
        Object.entries(CHOICES).map(([n, t]) => [code(n), t]),
      ),
    signals: () =>
      table(
        ['Signal', 'Meaning', 'Caution'],
        Object.entries(SIGNALS).map(([n, s]) => [code(n), s.text, s.caution === '' ? '–' : s.caution]),
      ),
  },
  'docs/pulls.md': {
    limits: () =>
      table(
        ['Limit', 'Usually', 'Meaning'],
        Object.entries(LIMITS).map(([n, l]) => [code(n), `${l.value.toLocaleString('en-US')} ${l.unit}`, l.help]),
      ),
    faults: () =>
      table(
        ['Code', 'Meaning', 'What to do'],
        Object.entries(PEER_FAULTS).map(([c, m]) => [code(c), m.text, m.todo]),
      ),
  },
  'docs/compliance.md': {
    questions: () =>
      table(
        ['No.', 'Question', 'Page and table', 'CSV', 'Evidence pack'],
        QUESTIONS.map((q, i) => [
          String(i + 1),
          q.question,
          `${q.where} (${code(q.page)})`,
          code(`?format=csv&table=${q.table}`),
          q.pack.map(code).join(', '),
        ]),
      ),
  },
  'docs/enrolment.md': { columns: () => `\`\`\`csv\n${ENROLMENT_COLUMNS.join(',')}\n\`\`\`` },
};

let wrong = 0;
const isCheck = process.argv.includes('--check');
for (const [page, parts] of Object.entries(PARTS)) {
  if (!existsSync(page)) {
    process.stderr.write(`${page} is missing.\n`);
    wrong++;
    continue;
  }
  const before = readFileSync(page, 'utf8');
  let after = before;
  for (const [marker, print] of Object.entries(parts)) {
    const place = new RegExp(`(<!-- ${marker} -->\\n)[\\s\\S]*?(\\n?<!-- /${marker} -->)`);
    if (!place.test(after)) {
      process.stderr.write(`${page} has no place for ${marker}.\n`);
      wrong++;
    }
    after = after.replace(place, (_, open: string) => `${open}\n${print()}\n\n<!-- /${marker} -->`);
  }
  if (after === before) continue;
  if (isCheck) {
    process.stderr.write(`${page} is not what the code says: run npm run docs.\n`);
    wrong++;
  } else writeFileSync(page, after);
}

// every page that another page names must exist
for (const page of ['README.md', 'FEDERATION.md', 'SECURITY.md', 'CHANGELOG.md'].filter((p) => existsSync(p)))
  for (const [, target] of readFileSync(page, 'utf8').matchAll(
    /\]\(((?:docs\/|\.\/)?[A-Za-z0-9/_.-]+\.(?:md|png|svg))\)/g,
  ))
    if (target !== undefined && !existsSync(target)) {
      process.stderr.write(`${page} names ${target}, which does not exist.\n`);
      wrong++;
    }
// and every test that the list of attacks names: *name*, *name* behind its file
for (const [, file, names] of readFileSync('docs/attacks.md', 'utf8').matchAll(
  /`([a-z0-9/-]+)`: (\*[^*]+\*(?:, \*[^*]+\*)*)/g,
)) {
  const path = [`test/${file}.test.ts`, `test/${file}.long.test.ts`].find((p) => existsSync(p));
  const code = path === undefined ? '' : readFileSync(path, 'utf8');
  for (const [, name] of (names ?? '').matchAll(/\*([^*]+)\*/g))
    if (name === undefined || !code.includes(name)) {
      process.stderr.write(`docs/attacks.md names “${name}” of ${file}, which does not exist.\n`);
      wrong++;
    }
}
if (wrong > 0) process.exitCode = 1;

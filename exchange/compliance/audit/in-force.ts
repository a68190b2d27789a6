// Which of our keys sign, and with which settings the node runs, reported in the audit when it is another than before:
// by `keys rotate`, by the environment, by an update, or as a folder or a machine was put back.
import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Deps, Keys, KeyUse } from '../../../src/deps.ts';
import { SETTINGS, type Setting } from '../../../src/settings.ts';
import { VERSION } from '../../../src/version.ts';
import { auditRow, writeAudit } from './audit.ts';
import { lastInForce } from './in-force-rows.ts';

type Needs = Pick<Deps, 'database' | 'keys' | 'clock' | 'config'>;

/** Keys whose signatures others rely on in the exchange. */
const REPORTED_KEYS: readonly KeyUse[] = ['token', 'client', 'rsa-client', 'evidence'];
/** What this process has reported, so that it asks the database only when something is another. */
const reported = new WeakMap<Keys, Map<string, string>>();

/**
 * Tells keys and settings that are in force now on a machine and were not before; the first ones too. A machine that
 * reported none yet goes by what any reported last: that is how it is after an update in containers. Two that run with
 * different ones tell it once each, not at every start in turn.
 */
export async function tellInForce(deps: Needs, host = hostname()): Promise<void> {
  for (const use of REPORTED_KEYS) {
    // where there is no RSA key, none signs
    if (use === 'rsa-client' && (await deps.keys.published(use)).length === 0) continue;
    const { kid } = await deps.keys.signing(use);
    await tell(deps, `key/${use}`, { kid }, { host, action: 'key', reason: 'key-changed' });
  }
  await tell(deps, 'node/settings', settingsOf(deps.config), {
    host,
    action: 'settings',
    reason: 'settings-changed',
  });
}

async function tell(
  deps: Needs,
  object: string,
  now: Readonly<Record<string, string>>,
  words: { host: string; action: string; reason: string },
): Promise<void> {
  const known = reported.get(deps.keys) ?? new Map<string, string>();
  reported.set(deps.keys, known);
  const { host } = words;
  const text = JSON.stringify({ ...now, host });
  if (known.get(object) === text) return;
  await deps.database.sql.begin(async (tx) => {
    const before = await lastInForce(tx, object, host);
    const was = (name: string) => (typeof before?.[name] === 'string' ? before[name] : null);
    const changed = [...new Set([...Object.keys(now), ...Object.keys(before ?? {})])].filter(
      (name) => name !== 'before' && name !== 'host' && was(name) !== (now[name] ?? null),
    );
    if (changed.length === 0) return;
    const isNew = before === undefined;
    await writeAudit(tx, [
      auditRow({
        at: deps.clock(),
        actorKind: 'system',
        actor: 'node',
        object,
        action: words.action,
        ...(isNew
          ? { detail: { ...now, host } }
          : {
              outcome: 'noted',
              reason: words.reason,
              detail: { ...now, host, before: Object.fromEntries(changed.map((name) => [name, was(name)])) },
            }),
      }),
    ]);
  });
  known.set(object, text);
}

/** Longer ones are reported by their SHA-256. */
const LONGEST = 100;
/** Of this process alone: where it listens, how it works and what it logs. */
const OF_PROCESS = new Set([
  'PORT',
  'HOST',
  'LOG_LEVEL',
  'DATABASE_POOL',
  'PULL_CONCURRENCY',
  'DATA_DIR',
  'BLOBS_DIR',
  'KEYS_DIR',
]);

/** The version and the settings by their names. No secret: of an address with a path or a user, which may hold one, the SHA-256. */
function settingsOf(config: Deps['config']): Record<string, string> {
  const shown = (value: unknown): string => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const isPlain = text.length <= LONGEST && !/:\/\/(?:[^/]*\/.|[^/]*@)/.test(text);
    return isPlain ? text : `sha256:${hash('sha256', text, 'hex').slice(0, 16)}`;
  };
  const values: Readonly<Record<string, unknown>> = config;
  const rows = (Object.entries(SETTINGS) as [string, Setting][])
    .filter(([name, s]) => s.secret !== true && !OF_PROCESS.has(s.env) && (values[name] ?? null) !== null)
    .map(([name, s]) => [s.env, shown(values[name])]);
  return { version: VERSION, ...Object.fromEntries(rows) };
}

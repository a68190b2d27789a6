// Every setting once: what it means, its default, its name in the environment and its type. docs/settings.md is printed
// from this table.
import { z } from 'zod';

const flag = (fallback: boolean) =>
  z
    .enum(['on', 'off', 'true', 'false', '1', '0'])
    .default(fallback ? 'on' : 'off')
    .transform((v) => v === 'on' || v === 'true' || v === '1');
const integer = (fallback: number, min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number({ error: message }).int(message).min(min, message).max(max, message).default(fallback);
};
const url = z
  .string()
  .regex(/^https?:\/\/[^\s?#]+$/, 'must be an http or https URL without query')
  .transform((v) => v.replace(/\/+$/, ''));
const privateKey = z
  .string()
  .refine(isPrivateKey, 'must be a private JWK with kid, alg ES384, crv P-384, x, y and d')
  .optional();
const privateRsaKey = z
  .string()
  .refine(isPrivateRsaKey, 'must be a private JWK with kid, alg RS384, kty RSA, n, e and d')
  .optional();
const clientKeys = z
  .string()
  .refine(
    (text) => isPublicKeySet(text, true),
    'must be a JWK Set of public keys with kid, EC P-384 or RSA of at least 2048 bits',
  );
const publicKeys = z
  .string()
  .refine((text) => isPublicKeySet(text), 'must be a JWK Set of public EC P-384 keys with kid');
const networks = z
  .string()
  .default('')
  .transform((v) =>
    v
      .split(',')
      .map((d) => d.trim())
      .filter(Boolean),
  )
  .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()], { error: 'must be CIDR blocks (10.0.0.0/8), comma-separated' })));
/** Codes of the lines of business (exchange/members/deadlines/rules.ts). */
const LOBS = ['ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp'] as const;
export type LobDays = Readonly<Partial<Record<(typeof LOBS)[number], number>>>;
type KeepDays = { days: number; byLob: LobDays };
/** `3653,ma=3653,qhp=2557`: days, then those of lines of business that differ. */
const keepDays = (fallback: number, min: number) =>
  z
    .string()
    .default('')
    .transform((text, context): KeepDays => {
      let days: number | undefined;
      const byLob: Record<string, number> = {};
      for (const part of text
        .split(',')
        .map((p) => p.trim())
        .filter(Boolean)) {
        const [, lob, number = ''] = /^(?:([a-z-]+)=)?(\d{1,6})$/.exec(part) ?? [];
        const isGood = number !== '' && Number(number) >= min && Number(number) <= 36_500;
        if (isGood && lob === undefined && days === undefined) days = Number(number);
        else if (isGood && LOBS.some((l) => l === lob) && byLob[String(lob)] === undefined)
          byLob[String(lob)] = Number(number);
        else
          context.addIssue(
            `must be days, or line=days for ${LOBS.join(', ')}, each once, comma-separated, from ${min} to 36500`,
          );
      }
      return { days: days ?? fallback, byLob };
    });
const databaseUrl = z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres://');

export type Setting = { env: string; doc: string; group: string; schema: z.ZodType; default: string; secret?: true };
const setting = <T extends z.ZodType>(
  env: string,
  group: string,
  doc: string,
  schema: T,
  fallback = '',
  secret?: true,
) => ({ env, doc, group, schema, default: fallback, ...(secret ? { secret } : {}) }) as const;

export const SETTINGS = {
  port: setting(
    'PORT',
    'Listening',
    'Port of the node; the sandbox payer uses the next one.',
    integer(8080, 0, 65534),
    '8080',
  ),
  host: setting(
    'HOST',
    'Listening',
    'Address to listen on; put a TLS reverse proxy in front before listening beyond loopback.',
    z.string().min(1).default('127.0.0.1'),
    '127.0.0.1',
  ),
  trustedProxies: setting(
    'TRUSTED_PROXIES',
    'Listening',
    'Networks (CIDR, comma-separated) of reverse proxies on other machines whose X-Forwarded-For is trusted; proxies on this machine always are.',
    networks,
    '',
  ),
  baseUrl: setting(
    'BASE_URL',
    'Listening',
    'Public URL of the node, an origin or a path below one; all absolute URLs are built from it (docs/operations.md).',
    url.optional(),
    'http://localhost:PORT',
  ),
  dataDir: setting(
    'DATA_DIR',
    'Storage',
    'Folder of the embedded PostgreSQL, files and keys.',
    z.string().min(1).default('.data'),
    '.data',
  ),
  databaseUrl: setting(
    'DATABASE_URL',
    'Storage',
    'PostgreSQL 15 or newer, as owner of the database (`?host=/folder` for a Unix socket); unset, an embedded PostgreSQL runs in DATA_DIR.',
    databaseUrl.optional(),
    'embedded',
    true,
  ),
  directoryDatabaseUrl: setting(
    'DIRECTORY_DATABASE_URL',
    'Storage',
    'Read replica for the directory.',
    databaseUrl.optional(),
    'DATABASE_URL',
    true,
  ),
  databasePool: setting(
    'DATABASE_POOL',
    'Storage',
    'Database connections per service; the directory opens half as many more, and a node with all services as many more for requests of payers.',
    integer(10, 2, 200),
    '10',
  ),
  blobsDir: setting(
    'BLOBS_DIR',
    'Storage',
    'Folder of received and exported files, used by one database only: files the database does not list are deleted.',
    z.string().min(1).optional(),
    'DATA_DIR/blobs',
  ),
  keysDir: setting(
    'KEYS_DIR',
    'Storage',
    'Folder of signing keys, created at first start with mode 0600.',
    z.string().min(1).optional(),
    'DATA_DIR/keys',
  ),
  tokenKey: setting(
    'TOKEN_KEY',
    'Storage',
    'Private key (JWK, EC P-384, with kid and alg ES384) that signs access tokens, instead of the one in KEYS_DIR.',
    privateKey,
    'KEYS_DIR',
    true,
  ),
  clientKey: setting(
    'CLIENT_KEY',
    'Storage',
    'Private key (JWK, as TOKEN_KEY) that signs client assertions to peers, instead of the one in KEYS_DIR.',
    privateKey,
    'KEYS_DIR',
    true,
  ),
  clientRsaKey: setting(
    'CLIENT_RSA_KEY',
    'Storage',
    'Private key (JWK, RSA, with kid and alg RS384) for peers without ES384, instead of the one in KEYS_DIR; with CLIENT_KEY alone RS384 is not available.',
    privateRsaKey,
    'KEYS_DIR',
    true,
  ),
  tokenAdditionalKeys: setting(
    'TOKEN_ADDITIONAL_KEYS',
    'Storage',
    'Previous and next public keys (JWK Set) for TOKEN_KEY; publish a key one day before it signs and one day after.',
    publicKeys.optional(),
    'none',
  ),
  clientAdditionalKeys: setting(
    'CLIENT_ADDITIONAL_KEYS',
    'Storage',
    'Previous and next public keys (JWK Set) for CLIENT_KEY, and those of RS384.',
    clientKeys.optional(),
    'none',
  ),
  directoryKey: setting(
    'DIRECTORY_KEY',
    'Storage',
    'Private key (JWK, as TOKEN_KEY) that signs statements of the directory, instead of the one in KEYS_DIR.',
    privateKey,
    'KEYS_DIR',
    true,
  ),
  directoryPreviousKeys: setting(
    'DIRECTORY_PREVIOUS_KEYS',
    'Storage',
    'Previous public keys (JWK Set) for DIRECTORY_KEY; statements signed with them stay valid while they are published.',
    publicKeys.optional(),
    'none',
  ),
  sandbox: setting(
    'SANDBOX',
    'Sandbox',
    'Demo directory, demo members and a demo prior payer; `auto` is on if DATABASE_URL, BASE_URL and STAFF_OIDC_ISSUER are unset.',
    z.enum(['on', 'off', 'auto']).default('auto'),
    'auto',
  ),
  planName: setting(
    'PLAN_NAME',
    'Plan',
    'Legal name of the health plan; the sandbox uses its own.',
    z.string().min(1).default('Demo Health Plan'),
    'Demo Health Plan',
  ),
  planNpi: setting(
    'PLAN_NPI',
    'Plan',
    'NPI of the plan in requests and consents; the sandbox uses its own.',
    z
      .string()
      .regex(/^[0-9]{10}$/, 'must be ten digits')
      .default('9000000007'),
    '9000000007',
  ),
  payerFpiSource: setting(
    'PAYER_FPI_SOURCE',
    'Plan',
    'Identifier from which the Federated Payer Identifier is computed, as SYSTEM:value; unset, it is computed from the legal name.',
    z
      .string()
      .regex(/^([A-Z][A-Z0-9_-]*:\S+)?$/, 'must be SYSTEM:value')
      .default(''),
    'PLAN_NAME',
  ),
  payerWebsite: setting('PAYER_WEBSITE', 'Plan', 'Website of the plan.', url.optional(), 'BASE_URL'),
  planContactEmail: setting(
    'PLAN_CONTACT_EMAIL',
    'Plan',
    'Email address in plans.json for plans without their own.',
    z
      .string()
      .regex(/^\S+@\S+$/, 'must be a mail address')
      .default('directory@plan.example'),
    'directory@plan.example',
  ),
  planSummaryUrl: setting('PLAN_SUMMARY_URL', 'Plan', 'Summary of benefits in plans.json.', url.optional(), 'BASE_URL'),
  timeZone: setting(
    'PLAN_TIME_ZONE',
    'Plan',
    'IANA time zone of due dates and of dates on pages.',
    z.string().default('America/New_York').refine(isTimeZone, 'must be an IANA time zone'),
    'America/New_York',
  ),
  extraHolidays: setting(
    'EXTRA_HOLIDAYS',
    'Plan',
    'Days that are not business days, besides federal holidays, as YYYY-MM-DD, comma-separated.',
    z
      .string()
      .regex(/^(\d{4}-\d\d-\d\d(,\s*|$))*$/, 'must be dates YYYY-MM-DD, comma-separated')
      .default('')
      .transform((v) =>
        v
          .split(',')
          .map((d) => d.trim())
          .filter(Boolean),
      ),
    '',
  ),
  exportWindowYears: setting(
    'EXPORT_WINDOW_YEARS',
    'Exchange',
    'Years of service dates in an export; the rule requires at least five.',
    integer(5, 5, 200),
    '5',
  ),
  exportTtlHours: setting(
    'EXPORT_TTL_HOURS',
    'Exchange',
    'Hours that finished export files stay available.',
    integer(72, 1, 168),
    '72',
  ),
  quarterlyFullPull: setting(
    'QUARTERLY_FULL_PULL',
    'Exchange',
    'Once a quarter, pulls the full history of members with concurrent coverage and reports resources no longer returned.',
    flag(true),
    'on',
  ),
  pullConcurrency: setting(
    'PULL_CONCURRENCY',
    'Exchange',
    'Pulls that one process runs at the same time, besides those waiting for a peer for over a minute.',
    integer(4, 1, 64),
    '4',
  ),
  documentKeepDays: setting(
    'DOCUMENT_KEEP_DAYS',
    'Exchange',
    'Days that a document fetched from a peer is retained after the last record that references it was replaced.',
    integer(3650, 0, 36_500),
    '3650',
  ),
  rawFileKeepDays: setting(
    'RAW_FILE_KEEP_DAYS',
    'Exchange',
    'Days that received files are retained after their pull ended, then by line of business if different (`3653,ma=3653,qhp=2557`); a file stays for the longest period of its members.',
    keepDays(3653, 90),
    '3653',
  ),
  matchRequestKeepDays: setting(
    'MATCH_REQUEST_KEEP_DAYS',
    'Exchange',
    'Days that a bulk match request is retained after it was answered, then by line of business if different (`730,ma=365`); it stays for the longest period of its matched members.',
    keepDays(730, 0),
    '730',
  ),
  peerAllowedNetworks: setting(
    'PEER_ALLOWED_NETWORKS',
    'Exchange',
    'Private networks (CIDR, comma-separated) in which peers are allowed; outside the sandbox all others need https and public addresses.',
    networks,
    '',
  ),
  peerDualApproval: setting(
    'PEER_DUAL_APPROVAL',
    'Exchange',
    'A peer added by one person must be approved by another (not in the sandbox).',
    flag(true),
    'on',
  ),
  schedule: setting(
    'SCHEDULE',
    'Exchange',
    'Runs scheduled work every minute; off, only `pull run` pulls.',
    flag(true),
    'on',
  ),
  directoryRatePerMinute: setting(
    'DIRECTORY_RATE_PER_MINUTE',
    'Directory',
    'Directory requests per minute and client address; 0 is no limit.',
    integer(6000, 0, 10_000_000),
    '6000',
  ),
  historyKeepDays: setting(
    'HISTORY_KEEP_DAYS',
    'Directory',
    'Days that a replaced version of a directory record is retained; deletions are retained forever.',
    integer(400, 1, 36_500),
    '400',
  ),
  publishEvery: setting(
    'PUBLISH_EVERY',
    'Publication',
    'Interval between publications as an ISO 8601 duration (P1D, PT6H); `off` publishes on command only.',
    z
      .string()
      .default('P1D')
      .refine(
        (v) => v === 'off' || durationMs(v) !== undefined,
        'must be an ISO 8601 duration of a minute or more, or off',
      ),
    'P1D',
  ),
  matchPerMinute: setting(
    'MATCH_PER_MINUTE',
    'Exchange',
    'Single member matches per minute and peer, with bursts of twice as many; 0 is no limit.',
    integer(60, 0, 1_000_000),
    '60',
  ),
  sensitiveCodes: setting(
    'SENSITIVE_CODES',
    'Exchange',
    'Sensitive codes as JSON, or a JSON file with them; unset, a demonstration list is used (docs/exchange.md, Labels).',
    z.string().optional(),
    'demonstration',
  ),
  excludedCodes: setting(
    'EXCLUDED_CODES',
    'Exchange',
    'Additional drug codes and payer-created document codes as JSON, or a JSON file with them (docs/exchange.md, Further exclusions).',
    z.string().optional(),
    'those of the program',
  ),
  staffOidcIssuer: setting(
    'STAFF_OIDC_ISSUER',
    'Staff',
    'OpenID Connect issuer for staff sign-in.',
    url.optional(),
    'none: local development account',
  ),
  staffOidcClientId: setting(
    'STAFF_OIDC_CLIENT_ID',
    'Staff',
    'Client id at the issuer.',
    z.string().min(1).optional(),
    '',
  ),
  staffOidcClientSecret: setting(
    'STAFF_OIDC_CLIENT_SECRET',
    'Staff',
    'Client secret at the issuer.',
    z.string().min(1).optional(),
    '',
    true,
  ),
  staffOidcRoleClaim: setting(
    'STAFF_OIDC_ROLE_CLAIM',
    'Staff',
    'Claim of the ID token that lists roles (viewer, reviewer, admin).',
    z.string().min(1).default('roles'),
    'roles',
  ),
  staffOidcSecondFactor: setting(
    'STAFF_OIDC_SECOND_FACTOR',
    'Staff',
    'Values of `amr` or `acr` in the ID token that prove a second factor, comma-separated; `provider` leaves the check to the issuer.',
    z
      .string()
      .default('mfa')
      .transform((v) =>
        v === 'provider'
          ? []
          : v
              .split(',')
              .map((d) => d.trim())
              .filter(Boolean),
      ),
    'mfa',
  ),
  harvestEvery: setting(
    'HARVEST_EVERY',
    'Federation',
    "Interval between reads of other payers' directories as an ISO 8601 duration; `off` reads on command only.",
    z
      .string()
      .refine((v) => v === 'off' || durationMs(v) !== undefined, 'must be off or a duration like P1D')
      .default('P1D'),
    'P1D',
  ),
  accuracyPublic: setting(
    'ACCURACY_PUBLIC',
    'Federation',
    'Shows daily accuracy counts of the directory at /directory/all/accuracy.',
    flag(false),
    'off',
  ),
  metricsToken: setting(
    'METRICS_TOKEN',
    'Operations',
    'Bearer token for /metrics; unset, only loopback clients may read it.',
    z.string().min(8).optional(),
    'loopback only',
    true,
  ),
  alertWebhookUrl: setting(
    'ALERT_WEBHOOK_URL',
    'Operations',
    'URL that receives alerts (Standard Webhooks); it must be https and public, or in PEER_ALLOWED_NETWORKS.',
    url.optional(),
    'no alerts sent',
  ),
  alertWebhookSecret: setting(
    'ALERT_WEBHOOK_SECRET',
    'Operations',
    'Shared secret (whsec_ and base64) that signs alerts.',
    z.string().min(16, 'must be 16 characters or more').optional(),
    'not signed',
    true,
  ),
  restoreDrillDays: setting(
    'RESTORE_DRILL_DAYS',
    'Operations',
    'Days after the last restore drill until an alert is raised; 0 is never.',
    integer(92, 0, 3660),
    '92',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    'Operations',
    'Lowest level that is logged.',
    z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    'info',
  ),
  log: setting(
    'LOG',
    'Operations',
    'Form of log lines: json, or text for people.',
    z.enum(['json', 'text']).optional(),
    'text on a terminal, json elsewhere',
  ),
} as const satisfies Record<string, Setting>;

/** Milliseconds of an ISO 8601 duration of weeks, days, hours and minutes; undefined when it is none, or under a minute. */
export function durationMs(text: string): number | undefined {
  const m = /^P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?)?$/.exec(text);
  if (!m) return undefined;
  const [weeks = 0, days = 0, hours = 0, minutes = 0] = m.slice(1).map((v) => Number(v ?? 0));
  const ms = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000;
  return ms >= 60_000 ? ms : undefined;
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function isPrivateKey(text: string): boolean {
  try {
    const key = JSON.parse(text) as Record<string, unknown>;
    return (
      key['alg'] === 'ES384' &&
      key['crv'] === 'P-384' &&
      ['kid', 'x', 'y', 'd'].every((m) => typeof key[m] === 'string')
    );
  } catch {
    return false;
  }
}

/** Has the key all that one of its family needs? The modulus: at least 2048 bits, which all servers take. */
const isRsa = (k: Record<string, unknown>): boolean =>
  k['kty'] === 'RSA' &&
  ['kid', 'n', 'e'].every((m) => typeof k[m] === 'string') &&
  Buffer.from(String(k['n']), 'base64url').length >= 256;

function isPrivateRsaKey(text: string): boolean {
  try {
    const key = JSON.parse(text) as Record<string, unknown>;
    return key['alg'] === 'RS384' && isRsa(key) && typeof key['d'] === 'string';
  } catch {
    return false;
  }
}

function isPublicKeySet(text: string, mayBeRsa = false): boolean {
  try {
    const { keys } = JSON.parse(text) as { keys: Record<string, unknown>[] };
    const isEc = (k: Record<string, unknown>) =>
      k['crv'] === 'P-384' && ['kid', 'x', 'y'].every((m) => typeof k[m] === 'string');
    return keys.every((k) => !('d' in k) && (isEc(k) || (mayBeRsa && isRsa(k))));
  } catch {
    return false;
  }
}

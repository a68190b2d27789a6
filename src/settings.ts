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
  .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()], { error: 'must be CIDR blocks (10.0.0.0/8) separated by commas' })));
/** Codes of the lines of business (exchange/members/deadlines/rules.ts). */
const LOBS = ['ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp'] as const;
export type LobDays = Readonly<Partial<Record<(typeof LOBS)[number], number>>>;
/** `ma=3653,qhp=2557`: days by line of business. */
const daysByLob = (min: number, max: number) =>
  z
    .string()
    .default('')
    .transform((text, context): LobDays => {
      const days: Record<string, number> = {};
      for (const part of text
        .split(',')
        .map((p) => p.trim())
        .filter(Boolean)) {
        const [, lob = '', number = ''] = /^([a-z-]+)=(\d{1,6})$/.exec(part) ?? [];
        const isGood = LOBS.some((l) => l === lob) && Number(number) >= min && Number(number) <= max;
        if (isGood && days[lob] === undefined) days[lob] = Number(number);
        else
          context.addIssue(
            `must be line=days, separated by commas; lines are ${LOBS.join(', ')}, each once, days from ${min} to ${max}`,
          );
      }
      return days;
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
    'Port of the node; the sandbox payer takes the next one.',
    integer(8080, 0, 65534),
    '8080',
  ),
  host: setting(
    'HOST',
    'Listening',
    'Address to listen on. Put a reverse proxy with TLS in front before you widen it.',
    z.string().min(1).default('127.0.0.1'),
    '127.0.0.1',
  ),
  trustedProxies: setting(
    'TRUSTED_PROXIES',
    'Listening',
    'Networks (CIDR, separated by commas) of proxies on other machines that are believed who asks (X-Forwarded-For). Without it all who come by such a proxy share its limits. One on this machine is believed.',
    networks,
    '',
  ),
  baseUrl: setting(
    'BASE_URL',
    'Listening',
    'Public address of the node: an origin, or a path below one (docs/operations.md). Every absolute URL we emit is built from it.',
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
    'PostgreSQL 15 or newer, as its owner; `?host=/folder` names its Unix socket, which costs less than TCP. Unset: the embedded PostgreSQL under DATA_DIR.',
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
    'Connections per service; the directory opens half as many more, and one, where all are needed, the exchange as many more for payers that ask.',
    integer(10, 2, 200),
    '10',
  ),
  blobsDir: setting(
    'BLOBS_DIR',
    'Storage',
    'Folder of received and exported files, of one database alone: what that does not name is removed.',
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
    'Private key (JWK, EC P-384 with kid and alg ES384) that signs our access tokens; wins over KEYS_DIR.',
    privateKey,
    'KEYS_DIR',
    true,
  ),
  clientKey: setting(
    'CLIENT_KEY',
    'Storage',
    'Private key (JWK) that signs our assertions at peers; wins over KEYS_DIR.',
    privateKey,
    'KEYS_DIR',
    true,
  ),
  clientRsaKey: setting(
    'CLIENT_RSA_KEY',
    'Storage',
    'Private key (JWK, RSA with kid and alg RS384) that signs our assertions at peers that take no ES384; wins over KEYS_DIR. With CLIENT_KEY alone there is none.',
    privateRsaKey,
    'KEYS_DIR',
    true,
  ),
  tokenFurtherKeys: setting(
    'TOKEN_FURTHER_KEYS',
    'Storage',
    'With TOKEN_KEY: public keys (JWK Set) of the one before and the one to come. Publish a key a day before it signs and a day after.',
    publicKeys.optional(),
    'none',
  ),
  clientFurtherKeys: setting(
    'CLIENT_FURTHER_KEYS',
    'Storage',
    'With CLIENT_KEY: public keys (JWK Set) of the one before and the one to come, and of those for RS384.',
    clientKeys.optional(),
    'none',
  ),
  directoryKey: setting(
    'DIRECTORY_KEY',
    'Storage',
    'Private key (JWK) that signs statements of the directory; wins over KEYS_DIR.',
    privateKey,
    'KEYS_DIR',
    true,
  ),
  directoryFormerKeys: setting(
    'DIRECTORY_FORMER_KEYS',
    'Storage',
    'With DIRECTORY_KEY: public keys (JWK Set) of statements signed before, which stay good as long as these are published.',
    publicKeys.optional(),
    'none',
  ),
  sandbox: setting(
    'SANDBOX',
    'Sandbox',
    'Demo directory, demo members and an in-process prior payer. On only when nothing is configured (no DATABASE_URL, BASE_URL or STAFF_OIDC_ISSUER).',
    z.enum(['on', 'off', 'auto']).default('auto'),
    'auto',
  ),
  sandboxSize: setting('SANDBOX_MEMBERS', 'Sandbox', 'Demo members of the sandbox.', integer(24, 1, 100_000), '24'),
  planName: setting(
    'PLAN_NAME',
    'Plan',
    'Legal name of the health plan. The sandbox has one of its own.',
    z.string().min(1).default('Demo Health Plan'),
    'Demo Health Plan',
  ),
  planNpi: setting(
    'PLAN_NPI',
    'Plan',
    'Identifier of the plan in requests and consents (system us-npi). The sandbox has one of its own.',
    z
      .string()
      .regex(/^[0-9]{10}$/, 'must be ten digits')
      .default('9000000007'),
    '9000000007',
  ),
  payerFpiSource: setting(
    'PAYER_FPI_SOURCE',
    'Plan',
    'What the Federated Payer Identifier is computed from, as SYSTEM:value, such as NAIC_ID:12345. Unset: the legal name, for the time until a number is known.',
    z
      .string()
      .regex(/^([A-Z][A-Z0-9_-]*:\S+)?$/, 'must be SYSTEM:value, such as NAIC_ID:12345')
      .default(''),
    'LEGAL_NAME_HASH',
  ),
  payerWebsite: setting('PAYER_WEBSITE', 'Plan', 'Website of the plan.', url.optional(), 'BASE_URL'),
  developerUrl: setting(
    'DEVELOPER_URL',
    'Plan',
    'Page for developers, as the payer index names it.',
    url.optional(),
    'BASE_URL/developers',
  ),
  planContactEmail: setting(
    'PLAN_CONTACT_EMAIL',
    'Plan',
    'Mail address for plans that have none of their own, in plans.json.',
    z
      .string()
      .regex(/^\S+@\S+$/, 'must be a mail address')
      .default('directory@plan.example'),
    'directory@plan.example',
  ),
  planSummaryUrl: setting(
    'PLAN_SUMMARY_URL',
    'Plan',
    'Summary of benefits, in plans.json.',
    url.optional(),
    'BASE_URL',
  ),
  timeZone: setting(
    'PLAN_TIME_ZONE',
    'Plan',
    'IANA time zone in which due dates are computed, and what the pages call today.',
    z.string().default('America/New_York').refine(isTimeZone, 'must be an IANA time zone'),
    'America/New_York',
  ),
  extraHolidays: setting(
    'EXTRA_HOLIDAYS',
    'Plan',
    'Further days that are not business days, as YYYY-MM-DD, separated by commas.',
    z
      .string()
      .regex(/^(\d{4}-\d\d-\d\d(,\s*|$))*$/, 'must be dates YYYY-MM-DD separated by commas')
      .default('')
      .transform((v) =>
        v
          .split(',')
          .map((d) => d.trim())
          .filter(Boolean),
      ),
    '',
  ),
  complianceDate: setting(
    'COMPLIANCE_DATE',
    'Plan',
    'From when the rule binds the plan, as YYYY-MM-DD. Members enrolled before must have been offered the choice by then.',
    z
      .string()
      .regex(/^\d{4}-\d\d-\d\d$/, 'must be a date YYYY-MM-DD')
      .default('2027-01-01'),
    '2027-01-01',
  ),
  exportWindowYears: setting(
    'EXPORT_WINDOW_YEARS',
    'Exchange',
    'How many years of service dates an export reaches back. The rule asks for at least five.',
    integer(5, 5, 200),
    '5',
  ),
  exportKeepHours: setting(
    'EXPORT_KEEP_HOURS',
    'Exchange',
    'Hours that finished export files stay.',
    integer(72, 1, 168),
    '72',
  ),
  exportOpenPerPeer: setting(
    'EXPORT_OPEN_PER_PEER',
    'Exchange',
    'Exports and matches of one peer that may wait or run at once; more is 429.',
    integer(20, 1, 10_000),
    '20',
  ),
  matchMaxMembers: setting(
    'MATCH_MAX_MEMBERS',
    'Exchange',
    'MemberBundles in one bulk match request; more is 413.',
    integer(10_000, 1, 10_000),
    '10000',
  ),
  fullComparison: setting(
    'FULL_COMPARISON',
    'Exchange',
    'Once a quarter, after what changed, all is asked for of members whose other coverage goes on: what does not come any more is told (`missing-at-source`).',
    flag(true),
    'on',
  ),
  pullBatch: setting('PULL_BATCH', 'Exchange', 'Members in one request to a peer.', integer(1000, 1, 10_000), '1000'),
  pullLanes: setting(
    'PULL_LANES',
    'Exchange',
    'Pulls that one process works on at once, beside those that have waited on their peers for more than a minute. Only one takes records in.',
    integer(4, 1, 64),
    '4',
  ),
  commitUnits: setting(
    'COMMIT_UNITS',
    'Exchange',
    'Received records of a pull that are committed together. Those of one member always are.',
    integer(20_000, 1, 10_000_000),
    '20000',
  ),
  diskReserveMb: setting(
    'DISK_RESERVE_MB',
    'Exchange',
    'Room in MB that downloads leave free under BLOBS_DIR. With less, pulls wait.',
    integer(1024, 0, 1_000_000),
    '1024',
  ),
  documentKeepDays: setting(
    'DOCUMENT_KEEP_DAYS',
    'Exchange',
    'Days for which a document that was fetched from a peer is kept when the last version of a record that names it is replaced.',
    integer(3650, 0, 36_500),
    '3650',
  ),
  rawFileKeepDays: setting(
    'RAW_FILE_KEEP_DAYS',
    'Exchange',
    'Days for which received files are kept when their pull has ended: rules are replayed on them, and a line is shown as it came. Their SHA-256 and the outcome of each line stay. Lines of business for which it is another time stand in RAW_FILE_KEEP_DAYS_BY_LOB.',
    integer(3653, 90, 36_500),
    '3653',
  ),
  rawFileKeepDaysByLob: setting(
    'RAW_FILE_KEEP_DAYS_BY_LOB',
    'Exchange',
    'The same by line of business, as `ma=3653,qhp=2557`. The files of a pull stay as long as the longest that one of its members asks for, by whichever line each was ever enrolled in.',
    daysByLob(90, 36_500),
  ),
  matchRequestKeepDays: setting(
    'MATCH_REQUEST_KEEP_DAYS',
    'Exchange',
    'Days for which the request of a bulk match is kept as it came, when it was answered or ended. What was decided of each member stays.',
    integer(730, 0, 36_500),
    '730',
  ),
  matchRequestKeepDaysByLob: setting(
    'MATCH_REQUEST_KEEP_DAYS_BY_LOB',
    'Exchange',
    'The same by line of business, as `ma=730,qhp=400`: the longest that one of our members asks for who were found in it.',
    daysByLob(0, 36_500),
  ),
  pullDeadlineHours: setting(
    'PULL_DEADLINE_HOURS',
    'Exchange',
    'Hours after which a pull that the peer does not finish is given up.',
    integer(24, 1, 168),
    '24',
  ),
  leaseSeconds: setting(
    'LEASE_SECONDS',
    'Exchange',
    'Seconds after which the work of a process that died is taken up by another.',
    integer(30, 2, 600),
    '30',
  ),
  peerAllowedNetworks: setting(
    'PEER_ALLOWED_NETWORKS',
    'Exchange',
    'Private networks (CIDR, separated by commas) that peers may live in. Outside the sandbox peers need https and public addresses.',
    networks,
    '',
  ),
  peerSecondPerson: setting(
    'PEER_SECOND_PERSON',
    'Exchange',
    'A peer that one person added must be approved by another. Not in the sandbox.',
    flag(true),
    'on',
  ),
  schedule: setting(
    'SCHEDULE',
    'Exchange',
    'Wake the schedule each minute. Off: only `pull run` pulls.',
    flag(true),
    'on',
  ),
  exchangeTimeoutMs: setting(
    'EXCHANGE_TIMEOUT_MS',
    'Exchange',
    'Longest time a statement may run that a payer waits for, in milliseconds. Exports, matches in bulk and pulls have no limit. On Workers the limit is that of the database user.',
    integer(10_000, 500, 120_000),
    '10000',
  ),
  directoryCountMax: setting(
    'DIRECTORY_COUNT_MAX',
    'Directory',
    'Largest page of a search.',
    integer(500, 1, 1000),
    '500',
  ),
  directoryTimeoutMs: setting(
    'DIRECTORY_TIMEOUT_MS',
    'Directory',
    'Longest time for all that a search asks of the database, its waits too, in milliseconds, and for each statement of anything else. On Workers the limit is that of the database user, for each statement.',
    integer(5000, 100, 60_000),
    '5000',
  ),
  directoryStaleDays: setting(
    'DIRECTORY_STALE_DAYS',
    'Directory',
    'Days after which the last verification of a directory entry no longer counts (`stale`, `verification-status`).',
    integer(90, 1, 3650),
    '90',
  ),
  directoryExplain: setting(
    'DIRECTORY_EXPLAIN',
    'Directory',
    'Answer `__explain=true` with the plan of a search. It runs the search without its caches: off in public. On in the sandbox.',
    flag(false),
    'off',
  ),
  directoryRatePerMinute: setting(
    'DIRECTORY_RATE_PER_MINUTE',
    'Directory',
    'Requests a minute and client address; 0 is no limit.',
    integer(6000, 0, 10_000_000),
    '6000',
  ),
  directoryWaiting: setting(
    'DIRECTORY_WAITING',
    'Directory',
    'Requests that may wait for the database; more are answered 503 with Retry-After.',
    integer(2000, 1, 1_000_000),
    '2000',
  ),
  historyKeepDays: setting(
    'HISTORY_KEEP_DAYS',
    'Directory',
    'Days that a former version is kept after it was replaced; deletions are kept for ever.',
    integer(400, 1, 36_500),
    '400',
  ),
  directoryExportKeepHours: setting(
    'DIRECTORY_EXPORT_KEEP_HOURS',
    'Publication',
    'Hours that the files of a directory $export stay.',
    integer(24, 1, 720),
    '24',
  ),
  directoryExportOpen: setting(
    'DIRECTORY_EXPORT_OPEN',
    'Publication',
    'Filtered exports of the directory that may wait or be made at once, for all readers together; more is 429.',
    integer(4, 0, 100),
    '4',
  ),
  directoryExportSets: setting(
    'DIRECTORY_EXPORT_SETS',
    'Publication',
    'Filtered exports of the directory whose files may be kept at once; more is 429.',
    integer(20, 0, 10_000),
    '20',
  ),
  publishEvery: setting(
    'PUBLISH_EVERY',
    'Publication',
    'How often a publication is made, as an ISO 8601 duration such as P1D or PT6H; `off`: only by `payer-node publish`.',
    z
      .string()
      .default('P1D')
      .refine(
        (v) => v === 'off' || durationMs(v) !== undefined,
        'must be an ISO 8601 duration of a minute or more, or off',
      ),
    'P1D',
  ),
  publishRootDays: setting(
    'PUBLISH_ROOT_DAYS',
    'Publication',
    'Age in days at which the root snapshot of $bulk-publish is replaced.',
    integer(7, 0, 365),
    '7',
  ),
  publishChainDays: setting(
    'PUBLISH_CHAIN_DAYS',
    'Publication',
    'Age in days at which a chain of $bulk-publish is closed and a new one begun.',
    integer(60, 1, 3650),
    '60',
  ),
  publishGraceDays: setting(
    'PUBLISH_GRACE_DAYS',
    'Publication',
    'Days that published files stay after nothing lists them any more.',
    integer(30, 1, 3650),
    '30',
  ),
  matchPerMinute: setting(
    'MATCH_PER_MINUTE',
    'Exchange',
    'Single member matches a minute and peer, twice as many at once; 0 is no limit.',
    integer(60, 0, 1_000_000),
    '60',
  ),
  accessRefusedPerMinute: setting(
    'ACCESS_REFUSED_PER_MINUTE',
    'Exchange',
    'Requests with a token that are refused, a minute and peer, twice as many at once. Past that all its requests are 429 until time has passed, and are no longer written to the audit one by one. What is granted does not count. 0 is no limit.',
    integer(60, 0, 1_000_000),
    '60',
  ),
  tokenFailuresPerMinute: setting(
    'TOKEN_FAILURES_PER_MINUTE',
    'Exchange',
    'Refused token requests a minute for one client at one address, twice as many at once; six times as many for an address in all. More is 429 until time has passed. 0 is no limit.',
    integer(10, 0, 1_000_000),
    '10',
  ),
  tokenFloorMs: setting(
    'TOKEN_FLOOR_MS',
    'Exchange',
    'Least milliseconds until an assertion is refused, and at least what fetching a key set took lately: the time must not tell whether there is such a client. 0 waits for nothing.',
    integer(400, 0, 10_000),
    '400',
  ),
  sensitiveCodes: setting(
    'SENSITIVE_CODES',
    'Exchange',
    'File (JSON) with the codes that are sensitive, or the list itself; docs/exchange.md, Labels. Without it a demonstration decides.',
    z.string().optional(),
    'demonstration',
  ),
  excludedCodes: setting(
    'EXCLUDED_CODES',
    'Exchange',
    'File (JSON) with further codes of drugs, whose prior authorizations stay, and of payer-made documents that stay, or the list itself; docs/exchange.md, Further exclusions.',
    z.string().optional(),
    'those of the program',
  ),
  matchFloorMs: setting(
    'MATCH_FLOOR_MS',
    'Exchange',
    'Least milliseconds until a single match is refused: the time must not tell why.',
    integer(400, 0, 10_000),
    '400',
  ),
  staffSignInPerMinute: setting(
    'STAFF_SIGN_IN_PER_MINUTE',
    'Staff',
    'Requests of the sign-in at /staff (each sign-in has two) a minute and address, twice as many at once. More is 429 until time has passed. 0 is no limit.',
    integer(60, 0, 1_000_000),
    '60',
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
    'Values of `amr` or `acr` in the ID token that prove a second factor, separated by commas; sign-in without one is refused. `provider` leaves it to the issuer.',
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
    'How often a directory of another payer is asked for what changed, as ISO 8601 duration; `off` harvests on command only.',
    z
      .string()
      .refine((v) => v === 'off' || durationMs(v) !== undefined, 'must be off or a duration like P1D')
      .default('P1D'),
    'P1D',
  ),
  harvestWholeDays: setting(
    'HARVEST_WHOLE_DAYS',
    'Federation',
    'After so many days a type that was asked for changes only is read as a whole again.',
    integer(30, 1, 365),
    '30',
  ),
  harvestMaxRecords: setting(
    'HARVEST_MAX_RECORDS',
    'Federation',
    'So many records of one peer are read in one run; a peer that goes on is left there, and nothing is taken for gone.',
    integer(50_000_000, 100, 1_000_000_000),
    '50000000',
  ),
  federationHopLimit: setting(
    'FEDERATION_HOP_LIMIT',
    'Federation',
    'Records that a peer itself has from others are taken up to this distance from their source; 1 takes its own only.',
    integer(1, 1, 5),
    '1',
  ),
  accuracyPublic: setting(
    'ACCURACY_PUBLIC',
    'Federation',
    'Show how accurate our directory is, day by day, at /directory/all/accuracy. Counts only, nothing about a person.',
    flag(false),
    'off',
  ),
  metricsToken: setting(
    'METRICS_TOKEN',
    'Operations',
    'Bearer token for /metrics. Unset: /metrics answers loopback clients only.',
    z.string().min(8).optional(),
    'loopback only',
    true,
  ),
  alertWebhookUrl: setting(
    'ALERT_WEBHOOK_URL',
    'Operations',
    'Address that alerts are posted to (Standard Webhooks). Guarded as peers are: https and public, or in PEER_ALLOWED_NETWORKS.',
    url.optional(),
    'nobody is told',
  ),
  alertWebhookSecret: setting(
    'ALERT_WEBHOOK_SECRET',
    'Operations',
    'Shared secret (whsec_ and base64) that signs alerts.',
    z.string().min(16, 'must be 16 characters or more').optional(),
    'not signed',
    true,
  ),
  alertQuarantine: setting(
    'ALERT_QUARANTINE',
    'Operations',
    'Records in quarantine beyond which an alert stands.',
    integer(1000, 0, 1_000_000_000),
    '1000',
  ),
  restoreDrillDays: setting(
    'RESTORE_DRILL_DAYS',
    'Operations',
    'Days after which a backup has to have been restored again, to see that it can be (`drill check`): an alert stands from then on. 0: none.',
    integer(92, 0, 3660),
    '92',
  ),
  alertVolumeTimes: setting(
    'ALERT_VOLUME_TIMES',
    'Operations',
    'A day of a payer is unusual when it asks for more members, or takes more records, than so many times the median of its days of a year before. 0: none is.',
    integer(5, 0, 1_000_000),
    '5',
  ),
  alertVolumeMembers: setting(
    'ALERT_VOLUME_MEMBERS',
    'Operations',
    'Members that a payer has to ask for in a day before the day can be unusual.',
    integer(100, 1, 1_000_000_000),
    '100',
  ),
  alertVolumeRecords: setting(
    'ALERT_VOLUME_RECORDS',
    'Operations',
    'Records that a payer has to take in a day before the day can be unusual.',
    integer(10_000, 1, 1_000_000_000),
    '10000',
  ),
  alertLookMembers: setting(
    'ALERT_LOOK_MEMBERS',
    'Operations',
    'Members of whom a person has to have numbers and birth dates shown in a day before the day can be unusual, which it is beyond `ALERT_VOLUME_TIMES` times the median of their days of four weeks before, or with fewer than five of them.',
    integer(150, 1, 1_000_000_000),
    '150',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    'Operations',
    'Least level that is logged.',
    z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    'info',
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

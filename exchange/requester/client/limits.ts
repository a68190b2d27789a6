// What a peer may send us at most, how long it may take, and what it may be sent. A peer's record may name others for
// itself (`peer limit`).

type Limit = { value: number; unit: string; help: string };

export const LIMITS = {
  fileBytes: { value: 2 * 1024 ** 3, unit: 'bytes', help: 'One file, uncompressed.' },
  fileWireBytes: { value: 512 * 1024 ** 2, unit: 'bytes', help: 'One compressed file as transmitted.' },
  fileRatio: { value: 200, unit: 'times', help: 'Uncompressed to compressed size, after the first MiB.' },
  fileLines: { value: 5_000_000, unit: 'lines', help: 'Lines of one file.' },
  fileBlankLines: { value: 10_000, unit: 'lines', help: 'Blank lines of one file.' },
  fileTries: { value: 6, unit: 'times', help: 'Attempts per file.' },
  pullBytes: { value: 50 * 1024 ** 3, unit: 'bytes', help: 'All files of one pull, uncompressed.' },
  slowBytesPerSecond: {
    value: 1000,
    unit: 'bytes/s',
    help: 'Slower downloads are aborted and retried.',
  },
  slowWindowMs: { value: 60_000, unit: 'ms', help: 'Window over which speed is measured.' },
  partBytes: { value: 32 * 1024 ** 2, unit: 'bytes', help: 'Downloaded bytes after which progress survives a crash.' },
  manifestBytes: { value: 32 * 1024 ** 2, unit: 'bytes', help: 'A manifest with all its pages.' },
  manifestFiles: { value: 200_000, unit: 'files', help: 'Files of one manifest.' },
  pages: { value: 10_000, unit: 'pages', help: 'Pages of a manifest or of a Bundle.' },
  bundleBytes: { value: 64 * 1024 ** 2, unit: 'bytes', help: 'One page of a Bundle.' },
  attachmentBytes: {
    value: 50 * 1024 ** 2,
    unit: 'bytes',
    help: 'One linked document; retried as often as a file.',
  },
  attachmentsBytes: {
    value: 20 * 1024 ** 3,
    unit: 'bytes',
    help: 'All linked documents of one pull.',
  },
  members: {
    value: 10_000,
    unit: 'members',
    help: 'Members per request. Unset: as many as the payer was found to accept.',
  },
  heldLines: {
    value: 1000,
    unit: 'lines',
    help: 'Lines of one file that are no records or belong to others, before the pull waits for review.',
  },
  signedStatement: {
    value: 1,
    unit: '0 or 1',
    help: 'Consents contain our signed attestation. 0 for a payer that rejects contained resources.',
  },
  memberId: {
    value: 1,
    unit: '0 or 1',
    help: '$member-match also returns MemberId. 0 for clients of HRex 1.0.',
  },
  typedAssertion: {
    value: 0,
    unit: '0 or 1',
    help: 'Our assertions have typ client-authentication+jwt. 0: JWT, as in SMART.',
  },
  sendJku: {
    value: 0,
    unit: '0 or 1',
    help: 'Our assertions contain jku. For payers that require it.',
  },
  audienceList: {
    value: 0,
    unit: '0 or 1',
    help: 'Its assertions may have aud as a list of one. 0: string only.',
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type Limits = Readonly<Record<LimitName, number>>;

export const isLimitName = (name: string): name is LimitName => Object.hasOwn(LIMITS, name);

/** The limits that hold for a peer: the usual ones, less those of its record. */
export function limitsOf(own: Readonly<Record<string, unknown>>): Limits {
  return Object.fromEntries(
    Object.entries(LIMITS).map(([name, limit]) => {
      const given = own[name];
      return [name, typeof given === 'number' && given >= 0 ? given : limit.value];
    }),
  ) as Limits;
}

// What a peer may send us at most, how long it may take, and what it may be sent. A peer's record may name others for itself (`peer limit`).

type Limit = { value: number; unit: string; help: string };

export const LIMITS = {
  fileBytes: { value: 2 * 1024 ** 3, unit: 'bytes', help: 'One file, uncompressed.' },
  fileWireBytes: { value: 512 * 1024 ** 2, unit: 'bytes', help: 'One file as it is sent, when it is compressed.' },
  fileRatio: { value: 200, unit: 'times', help: 'Uncompressed to compressed size, past the first MiB.' },
  fileLines: { value: 5_000_000, unit: 'lines', help: 'Lines of one file.' },
  fileBlankLines: { value: 10_000, unit: 'lines', help: 'Blank lines of one file.' },
  fileTries: { value: 6, unit: 'times', help: 'How often one file is tried.' },
  pullBytes: { value: 50 * 1024 ** 3, unit: 'bytes', help: 'All files of one pull, uncompressed.' },
  slowBytesPerSecond: {
    value: 1000,
    unit: 'bytes/s',
    help: 'What comes slower than this is given up and tried again.',
  },
  slowWindowMs: { value: 60_000, unit: 'ms', help: 'Over how long the speed is taken.' },
  partBytes: { value: 32 * 1024 ** 2, unit: 'bytes', help: 'After so much of a file, what has come survives a crash.' },
  manifestBytes: { value: 32 * 1024 ** 2, unit: 'bytes', help: 'A manifest with all its pages.' },
  manifestFiles: { value: 200_000, unit: 'files', help: 'Files of one manifest.' },
  pages: { value: 10_000, unit: 'pages', help: 'Pages of a manifest or of a Bundle.' },
  bundleBytes: { value: 64 * 1024 ** 2, unit: 'bytes', help: 'One page of a Bundle.' },
  attachmentBytes: {
    value: 50 * 1024 ** 2,
    unit: 'bytes',
    help: 'One attachment that a record gives by address. It is tried as often as a file.',
  },
  attachmentsBytes: {
    value: 20 * 1024 ** 3,
    unit: 'bytes',
    help: 'All attachments of one pull that are given by address.',
  },
  members: {
    value: 10_000,
    unit: 'members',
    help: 'Members in one request: at most this, and at most PULL_BATCH. Where none is set, as many as it was found to take.',
  },
  heldLines: {
    value: 1000,
    unit: 'lines',
    help: 'Lines of one file that belong to others or are none, before it waits for a person.',
  },
  signedStatement: {
    value: 1,
    unit: '0 or 1',
    help: 'Each consent that it is sent carries our signed statement that the member is ours and has opted in. 0 where it takes no contained resources.',
  },
  memberId: {
    value: 1,
    unit: '0 or 1',
    help: 'The answer to its $member-match names the Patient (MemberId) beside the identifier. 0 for a client of HRex 1.0, which knows the identifier alone.',
  },
  typedAssertion: {
    value: 0,
    unit: '0 or 1',
    help: 'Assertions that it is sent say what they are for (typ client-authentication+jwt), as newer OAuth rules want it. 0: JWT, as SMART says.',
  },
  sendJku: {
    value: 0,
    unit: '0 or 1',
    help: 'Assertions that it is sent name the address of our keys (jku). For a payer that wants it, and at which that address is registered.',
  },
  audienceList: {
    value: 0,
    unit: '0 or 1',
    help: 'Its assertions may name us in a list of one (aud), as some libraries write it. 0: as one text alone.',
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

// What a peer did against the rules of the exchange, in words. Each is a finding of the pull in which it was seen.
import { act, calm, look, type Meaning } from './meaning.ts';

export const PEER_FAULTS = {
  'peer-retry-after': look(
    'It asked us to wait for a time that makes no sense. We waited within limits.',
    'Tell the other payer.',
  ),
  'peer-relative-url': look('Its list of files names addresses that are not absolute.', 'Tell the other payer.'),
  'peer-duplicate-url': look(
    'Its list of files names a file more than once. It was fetched once.',
    'Tell the other payer.',
  ),
  'peer-manifest-types': look(
    'Its list of files has values of the wrong kind, such as numbers as text.',
    'Tell the other payer.',
  ),
  'peer-manifest-changed': look(
    'Its list of files changed after it was given.',
    'Ask the other payer which one holds.',
  ),
  'peer-file-vanished': act('A file that it had listed was no longer in its list.', 'Ask the other payer for it.'),
  'peer-transaction-time': look(
    'The time of its answer is missing, in the future or before the last one. The next request asks for the same again.',
    'Tell the other payer.',
  ),
  'peer-since': look(
    'Twice in a row it was asked for what changed and sent what it had sent before: nearly every line was known. Nothing came twice.',
    'Tell the other payer.',
  ),
  'peer-file-cut': look('A file broke off and was fetched again or gone on with.', 'Nothing, unless it happens often.'),
  'peer-file-corrupt': look(
    'A file was damaged on its way and was fetched again.',
    'Nothing, unless it happens often.',
  ),
  'peer-range': look(
    'It answered with another part of a file than was asked for. The file was fetched from its start.',
    'Tell the other payer.',
  ),
  'peer-slow': look(
    'A file came too slowly and was given up; it was tried again.',
    'Nothing, unless it happens often.',
  ),
  'peer-length': look('A file had another length than announced.', 'Tell the other payer.'),
  'peer-content-type': look('A file was not announced as NDJSON.', 'Tell the other payer.'),
  'peer-attachment-type': look('A document came as another type than its record says.', 'Tell the other payer.'),
  'peer-redirect': calm('It sent us on to another address that its record allows. No token went there.'),
  'peer-not-json': look('It answered with something that is not JSON. It was asked again.', 'Tell the other payer.'),
  'peer-token': look(
    'It did not take a token that it had given. A new one was fetched.',
    'Nothing, unless it happens often.',
  ),
  'peer-scope': look(
    'It did not grant the scopes that its guide names. Others were asked for.',
    'Tell the other payer.',
  ),
  'peer-grant-types': look(
    'It says that it gives no tokens to programs (grant_types_supported lacks client_credentials). It is asked for one all the same.',
    'When it gives none, ask the other payer how programs sign in; else tell it.',
  ),
  'peer-algorithms': look(
    'It says that it takes none of the signatures that we make (ES384, RS384). It is asked for a token all the same.',
    'When it gives none, ask the other payer about it; else tell it.',
  ),
  'peer-error-file': look(
    'It reported problems of its own with this answer, or named a file of them that cannot be fetched.',
    'Read them at the pull.',
  ),
  'peer-incomplete': look(
    'It says that it could not give something, gave less than it says there is, named no list of records, broke off or sent lines that cannot be read, or its messages cannot be read: records may be missing. The next request asks for the same again.',
    'Read its messages and the rejected lines at the pull; ask the other payer for what is missing.',
  ),
  'peer-files-expired': look(
    'Its files expired before they were fetched; they were asked for again.',
    'Tell the other payer.',
  ),
  'peer-job-lost': look('It lost the job; it was asked again.', 'Nothing, unless it happens often.'),
  'peer-never-ready': act(
    'It did not finish in time. The job was cancelled.',
    'Ask the other payer; the request is made again.',
  ),
  'peer-form': calm(
    'It does not speak the way of asking that was tried first. Another was used, and is remembered where that is sure.',
  ),
  'peer-types': look(
    'Its answer held no claims, encounters or conditions; it was asked again with their types named.',
    'Tell the other payer.',
  ),
  'peer-type-refused': look(
    'It does not give records of this type, which it has or which it forbids us: they are missing. The others were taken.',
    'Ask the other payer for them.',
  ),
  'peer-scope-types': look(
    'The token that it gave us does not reach records of this type: none of them can have come.',
    'If it has any, ask it for the scope.',
  ),
  'peer-type-unknown': calm('It says that it knows no records of this type. The others were taken.'),
  'peer-batch': look(
    'It takes fewer members at once. The request was divided.',
    'Nothing: the next requests are for as many as it took. A limit of your own is `peer limit ID members=N`.',
  ),
  'peer-too-large': look(
    'It says that an export of these members is too large for it (413). They were asked for one by one, by what it answers at once.',
    'Tell the other payer.',
  ),
  'peer-match-groups': look(
    'Its match answer has the members whom it knows in several Groups. Each Group was asked for by a pull of its own.',
    'Nothing.',
  ),
  'peer-match-stray': look('Its match answer names people that we did not ask about.', 'Tell the other payer.'),
  'peer-match-differs': look(
    'It answers the match in two forms, and they differ, or the older one (Parameters) cannot be read. The Groups were taken.',
    'Tell the other payer.',
  ),
  'peer-match-unsaid': look(
    'It did not say whether it knows a member: it found fault with the question, answered what cannot be read, or named a person who is not to be found there. The member is asked for again; a batch with which it found fault was divided.',
    'Ask the other payer what it lacks in the question.',
  ),
  'peer-bundle-outcome': look(
    'Its answer held messages among the records. They are no records and are not kept.',
    'Nothing.',
  ),
} as const satisfies Readonly<Record<string, Meaning>>;

export type PeerFaultCode = keyof typeof PEER_FAULTS;

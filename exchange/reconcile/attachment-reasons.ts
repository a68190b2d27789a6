// Why an attachment that a record gives by address is not here, in words. `meaning` in reasons.ts looks them up.
import { act, calm, look, type Meaning } from './meaning.ts';

/** Codes with an HTTP status at the end (`attachment-404`) are looked up without it. */
export const ATTACHMENT_REASONS = {
  'in-the-record': calm('Its bytes are in the record as well.'),
  'record-gone': calm('The record was taken back before it was fetched.'),
  'consent-withdrawn': calm('The member withdrew the choice before it was fetched.'),
  'bad-url': look('The address is none that can be asked.', 'Tell the other payer.'),
  'foreign-origin': look(
    'The address is at a host that the record of the other payer does not allow. Nothing was asked there.',
    'Confirm the host with the other payer; an administrator adds it (`peer edit --file-host`), and the next pull fetches it.',
  ),
  'refused-address': act('The address is one that we do not connect to.', 'Tell the other payer.'),
  redirect: look('It was sent on to an address that is not allowed.', 'Tell the other payer.'),
  'attachment-unsafe': look('It is of a kind that is not kept here.', 'Ask for it in another form if it is needed.'),
  'attachment-html': look('A web page came in its place.', 'Tell the other payer.'),
  'attachment-empty': look('Nothing came in its place.', 'Tell the other payer.'),
  'attachment-cut': look('It broke off.', 'Nothing: the next pull tries again.'),
  'attachment-corrupt': look('It was damaged on its way.', 'Nothing: the next pull tries again.'),
  'attachment-encoding': look('It came packed in a way that was not asked for.', 'Tell the other payer.'),
  'attachment-too-large': look(
    'It is larger than allowed.',
    'Raise the limit of the other payer (`peer limit ID attachmentBytes=…`) if it is needed; the next pull fetches it.',
  ),
  'attachment-bomb': act('It unpacks to far more than is plausible.', 'Tell the other payer.'),
  'attachments-too-large': look(
    'The attachments of the pull are larger together than allowed.',
    'Raise the limit of the other payer (`peer limit ID attachmentsBytes=…`); the next pull goes on.',
  ),
  'hash-mismatch': look('What came is not what the record says by its hash.', 'Tell the other payer.'),
  'size-mismatch': look('What came has another size than the record says.', 'Tell the other payer.'),
  'money-present': look('It tells amounts of money, and its record is a claim.', 'Tell the other payer.'),
  auth: look('The other payer did not take our token for it.', 'Ask the other payer about our registration.'),
  token: look('The other payer gave us no access token.', 'Ask the other payer about our registration and keys.'),
  'not-http': look('The answer cannot be read as HTTP.', 'Tell the other payer.'),
  certificate: look('The server’s certificate is not valid.', 'Tell the other payer.'),
  unreachable: look('The other payer did not answer in time.', 'Nothing: the next pull tries again.'),
  throttled: look('The other payer asked us to wait for too long.', 'Nothing: the next pull tries again.'),
  'file-slow': look('It came too slowly.', 'Nothing: the next pull tries again.'),
  'headers-too-large': look('The answer had headers that are larger than any should be.', 'Tell the other payer.'),
  status: look('The other payer answered with an error.', 'Nothing: the next pull tries again.'),
  attachment: look('The other payer does not give it.', 'Ask the other payer for it if it is needed.'),
} as const satisfies Readonly<Record<string, Meaning>>;

// Security events and match decisions in words. No name, number or date of a person is in either: a decision is reported by its
// rule, and the member by a key.
import { act, calm, look, type Meaning } from '../../reconcile/meaning.ts';
import { meaning } from '../../reconcile/reasons.ts';

export {
  countSecurity,
  type MatchRow,
  pageMatches,
  pageSecurity,
  type SecurityRow,
} from './security-rows.ts';

/** Why something was refused, by the reason of its audit row. */
export const SECURITY_REASONS: Readonly<Record<string, Meaning>> = {
  replay: look(
    'A token request was sent a second time, word by word. The second was refused.',
    'Once may be a retry; again and again, ask the payer whether its requests are copied.',
  ),
  'new-address': look(
    'A payer was given a token at an address from which it had not asked for ninety days.',
    'Expected after a network change. Otherwise ask the payer when it knows nothing of it, and block the key that was used.',
  ),
  'keys-changed': look(
    'A payer’s key set holds other keys than before.',
    'Expected during key rotation. Otherwise ask the payer when it knows nothing of it, and block the key.',
  ),
  'discovery-changed': act(
    'A payer publishes other addresses, or another NPI, than its record has. Nothing was followed.',
    'Ask the payer by a way that you know. If it is right, change its record.',
  ),
  'settings-changed': calm('The node runs with other settings, or another version of the program, than before.'),
  'key-changed': calm('A key of ours was replaced: another one signs.'),
  'not-fresh': calm(
    'A person wanted to do what needs a sign-in of the last five minutes, and was asked to sign in again. It stands in the list when this reason is chosen.',
  ),
  'changed-meanwhile': calm('A person accepted a pull that had gone on meanwhile. Nothing was changed.'),
  'sequential-ids': look(
    'A payer asked in one batch for card numbers in a row, most of which are no member’s.',
    'Ask the payer where it has the numbers from. If it knows nothing of it, suspend it: someone may be trying numbers with its key.',
  ),
  'unusual-members': look(
    'A payer asked for many more members in a day than is usual for it.',
    'Those that it may ask for again after a quarter are not counted. Ask it whether it enrolled so many. If it did not, suspend it: someone may be trying names with its key.',
  ),
  'unusual-records': look(
    'A payer took many more records in a day than is usual for it.',
    'Compare with its statement what it asked for. If it knows nothing of it, suspend it or block the key that was used.',
  ),
  'unusual-looks': look(
    'A person had numbers and birth dates of many more members shown in a day than is usual for them, or for anyone who is new here.',
    'Compare with what they said it was for (What numbers were shown for), and ask them. If it was not their work, have their sessions ended and open a case.',
  ),
  'birth-date': look(
    'Someone opened a member’s link and gave a birth date that is not the member’s. Five of them end the link.',
    'Once is a slip. Of several members, ask who else has the mailing.',
  ),
  throttled: act(
    'Refusals came so often that the asker has to wait.',
    'See who it is. Suspend the payer if it is not known to be a fault.',
  ),
  'private-key': act(
    'The payer published its private key. It was suspended at once.',
    'Ask the payer for a new pair of keys.',
  ),
  'unknown-client': look('A token was asked for under a client id that no one here has.', 'No action unless frequent.'),
  'client-suspended': look('A payer that is not active asked for a token.', 'Nothing, unless it should be active.'),
  signature: look('A token request was not signed by the payer’s key.', 'Ask the payer; it may have changed keys.'),
  key: look(
    'A token request names a key that is not in the payer’s key set.',
    'Ask the payer; it may have changed keys.',
  ),
  'blocked-key': act('A key that was blocked here was used.', 'Ask the payer who still has it.'),
  jku: act(
    'A token request named another address of keys than the registered one.',
    'Ask the payer whether it moved its keys.',
  ),
  'client-id': look('A token request names two different clients.', 'Ask the payer.'),
  'keys-unreadable': look('The payer’s keys could not be read at their address.', 'Tell the payer.'),
  'keys-throttled': look(
    'The payer’s keys were asked for too often, and then not any more.',
    'Someone may be trying key names.',
  ),
  header: calm('A token request had a header that is not allowed.'),
  claims: calm('A token request lacked required claims.'),
  subject: calm('A token request named another client as its subject than as its issuer.'),
  jti: calm('A token request had no id of its own (jti).'),
  'not-yet': calm('A token request was issued in the future, or held only from then on.'),
  audience: look('A token request was made for another server.', 'Ask the payer which address it has for us.'),
  'audience-list': look(
    'A token request named us rightly, but in a list (aud), as some libraries write it.',
    'Ask the payer for one text. If it cannot: peer limit ID audienceList=1.',
  ),
  expired: calm('A token request was too old, or valid for too long.'),
  malformed: calm('A token request was not readable.'),
  scope: calm('A token was asked for, but for nothing that the payer may have.'),
  'token-void': look(
    'A token was used that is void: the payer was suspended or its record changed since.',
    'Nothing; it asks for a new one.',
  ),
  'insufficient-scope': look(
    'A payer asked for something that its token does not cover.',
    'No action unless frequent.',
  ),
  'not-granted': look(
    'A payer asked for a record, a member, a Group or an export that does not exist or is not its to see. Unknown ids are shown as a code starting with ~.',
    'Again and again, it may be trying ids: ask the payer.',
  ),
  busy: calm(
    'A payer asked while as many of its requests were open as may be, and was asked to retry later. The time for the answer runs from then.',
  ),
  'no-token': calm('Something was asked for without a token. One row stands for an hour of them.'),
  'invalid-token': look(
    'Something was asked for with a token that is not one of ours, or is over. One row stands for an hour of them.',
    'Nothing, unless there are many: a token lives five minutes, and clients ask for a new one.',
  ),
  unprocessable: look(
    'A request was refused for its structure, such as a question for a member without the Consent that it needs.',
    'Ask the payer, when it goes on: what it asked for is not answered.',
  ),
  'invalid-json': look('The body of a request was not valid JSON.', 'Ask the payer, when it goes on.'),
  'too-large': look('A request was larger than may be.', 'Tell the payer how many members it may ask for at once.'),
  'unsupported-media-type': look('A request was not sent as FHIR JSON.', 'Ask the payer, when it goes on.'),
  'missing-parameter': look('A request lacked a parameter or header that it needs.', 'Ask the payer, when it goes on.'),
  'invalid-parameter': look(
    'A request had a parameter that could not be read, or that names what the payer may not have.',
    'Ask the payer, when it goes on.',
  ),
  'unknown-parameter': calm('A request had a parameter that is not supported.'),
  'not-acceptable': calm('An answer was asked for in a form that is not made here.'),
  role: look('A person opened a page that their role does not open.', 'No action unless frequent.'),
};

const FORM = calm('A token request was not in the form that is required.');
/** What stands for itself, whatever its reason. */
const ACTIONS: Readonly<Record<string, Meaning>> = {
  token: FORM,
  'sign-in': calm('A sign-in was refused.'),
  'restore-drill': act(
    'A backup was restored and is not whole, or nothing could be restored.',
    'See what was wrong: restores of backups (Compliance). Make backups that hold it, and restore one again.',
  ),
  'audit-verify': act('The audit trail was verified, and is not as it was written.', 'See what is wrong: audit trail.'),
  'content-checked': act(
    'The files of an export were walked: they hold what must not leave, or are not there.',
    'See the request, and tell the payer.',
  ),
};
/** The meaning of what was refused, failed or is unusual; those of the form of a request have one in common. */
export function refusalMeaning(action: string, reason: string): Meaning {
  if (action === 'attachment') return meaning('attachment', reason);
  return SECURITY_REASONS[reason] ?? ACTIONS[action] ?? calm('Something was refused.');
}

// Codes of pulls, matches, requests of peers and clocks, in words. `meaning` in reasons.ts looks them up.
import { act, calm, look, type Meaning } from './meaning.ts';

/** Why a pull or a file rests, waits or ended. Codes with a number at the end are looked up without it. */
export const PULL_REASONS = {
  'no-match': calm('The other payer found none of the members we asked about.'),
  'no-answer': look(
    'The other payer’s answer leaves open whether it knows the members we asked about. The request is made again.',
    'See what it said of each member; tell the other payer.',
  ),
  'count-mismatch': act(
    'A file has another number of lines than the manifest declared.',
    'Ask the other payer; then accept the pull as it is, or have it pulled again.',
  ),
  'file-failed': act('Files could not be fetched.', 'Ask the other payer; then accept the pull without them.'),
  'peer-not-active': look(
    'The other payer is not active in our registry.',
    'An administrator activates or closes it. Once it is active the request is made again.',
  ),
  'given-up': look('A person gave the request up, for the reason in the timeline.', 'Nothing: it is made again.'),
  'peer-too-slow': look('The other payer did not finish in time.', 'Ask the other payer; the request is made again.'),
  'discovery-changed': act(
    'What the other payer publishes, its addresses or its NPI, is not what its record has. The record’s history tells both.',
    'Confirm it with the other payer by telephone, and change its record if that is right. Then give this pull up: the request is made again.',
  ),
  'foreign-origin': act(
    'The other payer named an address that is not its own.',
    'Confirm it with the other payer first.',
  ),
  'refused-address': act(
    'The other payer named an address that we do not connect to.',
    'Confirm it with the other payer.',
  ),
  redirect: act('The other payer sent us on to another address.', 'Confirm it with the other payer first.'),
  'consent-withdrawn': calm('Every member of the pull withdrew the choice. Nothing was asked.'),
  'named-in-error': calm('The payer was named by mistake, for every member of the pull. Nothing was asked.'),
  'no-usable-member': look(
    'No member of the pull had the data that a request needs.',
    'Complete name, birth date and member number.',
  ),
  'group-without-id': look('The answer named no Group that could be asked for.', 'Tell the other payer.'),
  'group-gone': look('The Group is no longer there; matching starts again.', 'Nothing.'),
  manifest: look(
    'The other payer’s list of files could not be had.',
    'Ask the other payer; the request can be made again.',
  ),
  'manifest-loop': act(
    'The pages of the other payer’s manifest lead in a circle, or have no end.',
    'Tell the other payer.',
  ),
  'job-lost': look('The other payer lost the job; it is asked again.', 'Nothing, unless it happens often.'),
  'batch-too-large': act(
    'The other payer says that this is too large for it (413), and no less can be asked for: a single member, or a Group or list that is as large whoever is asked for.',
    'Ask the other payer, or agree on a smaller Group; then pull again. It is not asked by itself until the next request is due.',
  ),
  'waits-together': calm(
    'The other payer says that even this is too large for it (413). Its members wait in another pull, together with all of whom it said so.',
  ),
  forbidden: act('The other payer refused the request.', 'Ask the other payer about our registration.'),
  'not-registered': act('We are not registered with the other payer.', 'An administrator completes the registration.'),
  token: act('The other payer gave us no access token.', 'Ask the other payer about our registration and keys.'),
  'token-malformed': act('The other payer’s token answer cannot be read.', 'Tell the other payer.'),
  'no-endpoint': act('We have no address for the other payer.', 'An administrator registers it.'),
  'no-smart-configuration': act('The other payer does not publish how to sign in.', 'Tell the other payer.'),
  'no-token-endpoint': act('The other payer publishes no token address.', 'Tell the other payer.'),
  'no-private-key-jwt': act('The other payer does not take signed assertions.', 'Tell the other payer.'),
  'no-content-location': look(
    'The other payer accepted the request and did not say where to ask.',
    'Tell the other payer.',
  ),
  'sync-answer': look('The other payer answered at once where an asynchronous answer is due.', 'Tell the other payer.'),
  'match-answer-malformed': look('The answer to the match cannot be read.', 'Tell the other payer.'),
  'manifest-malformed': look('The list of files cannot be read.', 'Tell the other payer.'),
  'not-json': look('The other payer’s answer is not JSON.', 'Tell the other payer.'),
  'not-utf8': look(
    'The other payer’s answer is not in UTF-8: names would come out wrong, so nothing of it was taken.',
    'Tell the other payer.',
  ),
  'bad-url': look('The other payer named an address that is none.', 'Tell the other payer.'),
  'body-cut': look('An answer broke off; it is tried again.', 'Nothing, unless it happens often.'),
  'body-too-large': look('An answer was longer than allowed.', 'Tell the other payer.'),
  'file-cut': look('A file broke off; it is fetched again.', 'Nothing, unless it happens often.'),
  'file-too-large': look('A file is larger than allowed.', 'Tell the other payer.'),
  'file-bomb': act('A file unpacks to far more than is plausible.', 'Tell the other payer; do not open the file.'),
  'file-corrupt': look('A file was damaged on its way; it is fetched again.', 'Nothing, unless it happens often.'),
  'file-slow': look('A file came too slowly; it is tried again.', 'Nothing, unless it lasts.'),
  'file-encoding': look('A file came in an encoding that was not asked for.', 'Tell the other payer.'),
  'file-html': look('A web page came where a file of records was due.', 'Tell the other payer.'),
  'file-too-many-lines': act('A file has more lines than allowed.', 'Tell the other payer.'),
  'pull-too-large': act(
    'The files of the pull are larger together than allowed.',
    'Ask the other payer; then accept the pull as it is.',
  ),
  'too-many-held': act(
    'Many lines of a file are none, or are about people whom we did not ask for. Nothing was taken in.',
    'Ask the other payer; the privacy office decides. Accepting takes in the rest.',
  ),
  'manifest-too-large': act('The list of files is longer than allowed.', 'Tell the other payer.'),
  bundle: look('An answer page could not be had.', 'Tell the other payer.'),
  'bundle-loop': act('The pages of an answer lead in a circle, or have no end.', 'Tell the other payer.'),
  'bundle-malformed': look('An answer page cannot be read.', 'Tell the other payer.'),
  match: look('The other payer did not answer who it knows.', 'Tell the other payer.'),
  'no-member-match': look(
    'The other payer offers no way to find our members.',
    'Agree on a Group with it, or tell it.',
  ),
  'no-export-form': look('The other payer offers no way to fetch records that we speak.', 'Tell the other payer.'),
  'no-issuer': act(
    'The peer’s record asks for the issuer as audience, and none is pinned.',
    'An administrator checks the peer.',
  ),
  'other-fhir-version': act(
    'The other payer speaks another version of FHIR than R4.',
    'Ask the other payer for an R4 address.',
  ),
  'headers-too-large': act(
    'The other payer’s answer had headers that are larger than any should be.',
    'Tell the other payer; pull again when it is mended.',
  ),
  'not-http': look(
    'The other payer’s server answered in a way that cannot be read as HTTP.',
    'Tell the other payer; pull again when it is mended.',
  ),
  certificate: look(
    'The other payer’s certificate is not valid: it has expired, is for another host, or of an authority that is not known here. It is tried again.',
    'Tell the other payer. An authority of your own is named by NODE_EXTRA_CA_CERTS.',
  ),
  unreachable: look('The other payer did not answer; it is tried again.', 'Nothing, unless it lasts.'),
  throttled: look('The other payer asked us to wait.', 'Nothing.'),
  auth: look(
    'The other payer did not take our token, nor a new one.',
    'Ask the other payer whether our client is still allowed.',
  ),
  discovery: look('The other payer’s published configuration could not be read.', 'Tell the other payer.'),
  'kick-off': look('The other payer did not accept the request.', 'Tell the other payer.'),
  'job-failed': look('The other payer’s job failed.', 'Tell the other payer.'),
  file: look('A file could not be fetched.', 'Tell the other payer.'),
  status: look('The other payer answered with an error.', 'Tell the other payer.'),
  'disk-full': act(
    'There is too little room left for files on our side. Nothing was lost; it is gone on with when there is room.',
    'Operations makes room.',
  ),
  'our-fault': act('Something on our side failed; it is tried again.', 'Operations reads the log.'),
} as const satisfies Readonly<Record<string, Meaning>>;

/** What the other payer said of each member we asked about. */
export const MATCH_OUTCOMES = {
  matched: calm('The other payer knows the member and may send the history.'),
  'not-matched': calm(
    'Nobody, or more than one person, was found there with the number, the name and the birth date that we have.',
    'Check number, name and birth date with the member.',
  ),
  constrained: look(
    'The other payer knows the member and does not take the choice as sufficient.',
    'Ask the member to choose again: the payer is asked anew then.',
  ),
  missing: look('The answer does not say whether the other payer knows the member.', 'Tell the other payer.'),
  uncorrelated: look('An answer fits none of the members we asked about.', 'Tell the other payer.'),
  contradictory: act('The answer names the member in more than one way.', 'Tell the other payer; nothing was taken.'),
  conflict: act(
    'The same person of the other payer was given for two of our members.',
    'See whether the two are one person. If they are, make them one on the page of either member; if not, tell the other payer.',
  ),
  'left-out': calm('The payer was not asked: the member’s choice no longer held, or it was named by mistake.'),
  waiting: calm('No answer yet.'),
} as const satisfies Readonly<Record<string, Meaning>>;

/** What we decided about members that a peer asked for. */
export const DECISIONS = {
  matched: calm('Exactly one member fits and the consent sent with the request holds.'),
  'no-match': calm('Nobody fits.'),
  throttled: look(
    'Too many different cards were tried for this person. Nobody was looked for.',
    'See the security events; ask the payer what it is doing.',
  ),
  ambiguous: look('More than one person fits, so nobody was named.', 'Check our data for double entries.'),
  'consent-malformed': look('The consent sent with the request lacks required parts.', 'Tell the other payer.'),
  'consent-other-patient': look('The consent is about another person than the request.', 'Tell the other payer.'),
  'consent-not-yet': calm('The consent does not hold yet.'),
  'consent-expired': calm('The consent no longer holds.'),
  'member-deceased': calm('The member had died before the consent began, and nobody consented in the member’s place.'),
  'member-block': calm('The member has told us not to share since the consent began.'),
  'consent-wrong-source': calm('The consent does not name us as the one who may send.'),
  'consent-wrong-recipient': look('The consent names another recipient than the asker.', 'Tell the other payer.'),
  'consent-policy-unknown': calm('The consent does not say which records it covers.'),
  'attestation-missing': look('The asker does not state that the member is enrolled with it.', 'Tell the other payer.'),
} as const satisfies Readonly<Record<string, Meaning>>;

/** Why a record of a member did not leave in an export. */
export const WITHHELD = {
  financial: calm('Claims, payments and documents about them: the payer-to-payer rule leaves money out.'),
  'denied-pa': calm('Prior authorizations that were denied or whose state is not clear.'),
  'drug-pa': calm('Prior authorizations for drugs.'),
  'pa-document': calm('Documents that only prior authorizations refer to which do not leave.'),
  'old-pa': calm('Prior authorizations that ended more than a year ago.'),
  outlived: calm(
    'Copies that one payer passes on of records which the payer whose they are has taken back since the copy was changed, or of ours from before they were changed.',
  ),
  sensitive: calm('Sensitive records that the member’s choice does not cover.'),
  unclassified: look(
    'Records of which this version of the program has not decided yet whether they may leave.',
    'Nothing, unless it lasts: see whether processes of several versions, or with several lists of codes, are running. "members relabel" decides them at once.',
  ),
  'identity-doubt': act(
    'Records from another payer whose birth date or sex of the member differ from ours, or that calls the member as another one: they may be somebody else’s.',
    'The privacy office decides at Conflicts whether that payer means the member.',
  ),
  'holds-others': look(
    'Records of ours that contain something about another person.',
    'Correct them where they come from and import them again.',
  ),
  window: calm('Services before the span of years that is exchanged.'),
  provenance: calm('Statements of origin about records that did not leave.'),
} as const satisfies Readonly<Record<string, Meaning>>;

/** Why a clock stopped without an export, or cannot stop. */
export const CLOCK_REASONS = {
  'cancelled-by-peer': calm('The other payer cancelled its request before we answered.'),
  'peer-ended': look(
    'The other payer was suspended or closed here before we answered.',
    'When it was by mistake: tell the payer to ask again.',
  ),
  'no-unique-match': calm('The other payer answered that it found nobody, or more than one person.'),
  'consent-constraint': look(
    'The other payer answered that the choice is not sufficient.',
    'Ask the member to choose again: the payer is asked anew then.',
  ),
  'no-endpoint': act('The payer that the member named is not an active peer.', 'An administrator registers it.'),
  'consent-withdrawn': calm('The member withdrew the choice.'),
  'member-withdrew': calm('The member withdrew the choice.'),
  'member-declined': calm('The member declined.'),
  'named-in-error': calm('The payer was named by mistake: nobody had to ask it.'),
  'coverage-ended': calm('The coverage ended: ours, or the one with the other payer.'),
  'one-person': calm('Two members were merged: the other one has the same duty.'),
  'member-deceased': calm('The member has died, by our own record of the person.'),
} as const satisfies Readonly<Record<string, Meaning>>;

/** States of a pull in words. */
export const PULL_STATES = {
  due: calm('Waiting to start'),
  discovered: calm('Other payer found'),
  authorized: calm('Signed in there'),
  matching: calm('Waiting for matches'),
  matched: calm('Members matched'),
  exporting: calm('Other payer prepares files'),
  downloading: calm('Fetching files'),
  reconciling: calm('Taking records in'),
  done: calm('Done and balanced'),
  review: act('Needs a person', 'Read the reason, ask the other payer.'),
  unbalanced: act('Does not balance', 'Ask the other payer, then accept the difference or pull again.'),
  partial: act('Files are missing', 'Ask the other payer, then accept the pull without them.'),
  refused: act('Refused by the other payer', 'Ask the other payer about our registration.'),
  failed: act('Failed', 'Read the reason; the request is made again or by hand.'),
  withdrawn: calm('Ended: nobody is left in it to ask about'),
} as const satisfies Readonly<Record<string, Meaning>>;

// What is a security event, of a row `a` of the audit. As SQL.

/** What is unusual; decisions about members are on a page of their own. */
export const IS_EVENT = `a.outcome <> 'ok' and a.action not in ('match', 'accept')`;
/** Of those, what someone has to go through: that a person was asked to sign in again is how files and risky actions begin. */
export const TO_REVIEW = `${IS_EVENT} and not (a.reason = 'not-fresh' and a.action <> 'sign-in')`;

// Authorizations that are not even named where records leave.

/** `resource.withheld` of an authorization that was denied since, as somebody else tells (denied-since.ts). */
export const DENIED_SINCE = 'denied-since';

/** Was the authorization `y` denied, or is it for a drug, or may either be so? */
export const isHiddenPa = (y: string): string =>
  `(${y}.pa_state in ('denied', 'unclear', 'drug') or coalesce(${y}.withheld = '${DENIED_SINCE}', false))`;

// The one error type of the house. Its table gives HTTP status, issue code and severity, and says whether the details
// may leave the house. https://hl7.org/fhir/R4/operationoutcome.html
import type { OperationOutcome } from 'fhir/r4.js';

type Row = { status: number; issue: OperationOutcome['issue'][number]['code']; text: string };

/** Every error a caller can get from a FHIR route. Documentation is printed from this table. */
export const OUTCOMES = {
  'invalid-json': { status: 400, issue: 'structure', text: 'The body is not valid JSON.' },
  'invalid-parameter': { status: 400, issue: 'value', text: 'A parameter has a value that cannot be read.' },
  'unknown-parameter': { status: 400, issue: 'not-supported', text: 'A parameter is not supported here.' },
  'missing-parameter': { status: 400, issue: 'required', text: 'A required parameter or header is missing.' },
  'bad-cursor': {
    status: 400,
    issue: 'value',
    text: 'The page link is not one of ours or was changed. Start the search again.',
  },
  'not-signed-in': { status: 401, issue: 'login', text: 'A valid access token is required.' },
  'insufficient-scope': { status: 403, issue: 'forbidden', text: 'The access token does not cover this request.' },
  forbidden: { status: 403, issue: 'forbidden', text: 'This is not allowed.' },
  'not-found': { status: 404, issue: 'not-found', text: 'There is no such resource.' },
  'unknown-route': { status: 404, issue: 'not-found', text: 'There is no such path.' },
  'unknown-type': { status: 404, issue: 'not-supported', text: 'This resource type is not served here.' },
  'method-not-allowed': { status: 405, issue: 'not-supported', text: 'This method is not allowed here.' },
  'not-acceptable': {
    status: 406,
    issue: 'not-supported',
    text: 'None of the accepted formats can be produced. Ask for application/fhir+json.',
  },
  'precondition-failed': { status: 412, issue: 'conflict', text: 'What is here is not what If-Match names.' },
  'search-too-complex': {
    status: 400,
    issue: 'too-costly',
    text: 'The search has too many values, chains or includes. Ask for less at once.',
  },
  gone: { status: 410, issue: 'deleted', text: 'The resource was deleted.' },
  'too-large': { status: 413, issue: 'too-long', text: 'The request body is too large.' },
  'url-too-long': { status: 414, issue: 'too-long', text: 'The URL is too long. Send the search as POST to _search.' },
  'unsupported-media-type': { status: 415, issue: 'not-supported', text: 'Send application/fhir+json.' },
  unprocessable: { status: 422, issue: 'structure', text: 'The request body does not have the required structure.' },
  'no-unique-match': { status: 422, issue: 'not-found', text: 'No unique member found.' },
  'consent-not-met': { status: 422, issue: 'suppressed', text: 'The consent request cannot be complied with.' },
  throttled: { status: 429, issue: 'throttled', text: 'Too many requests.' },
  internal: {
    status: 500,
    issue: 'exception',
    text: 'The server could not answer. Name the request id when you report this.',
  },
  unavailable: { status: 503, issue: 'transient', text: 'The service is not available at the moment.' },
  busy: { status: 503, issue: 'throttled', text: 'Too many requests are waiting. Ask again in a moment.' },
  'too-costly': { status: 503, issue: 'timeout', text: 'The search took longer than allowed. Ask for less at once.' },
} as const satisfies Record<string, Row>;

export type OutcomeCode = keyof typeof OUTCOMES;

/**
 * An error with a place in {@link OUTCOMES}. `details` reaches the client as `diagnostics`: it must never hold personal
 * data or a value the client did not send. `retryAfter` is in seconds.
 */
export class Outcome extends Error {
  readonly code: OutcomeCode;
  readonly details: string | undefined;
  readonly headers: Record<string, string>;

  constructor(
    code: OutcomeCode,
    details?: string,
    options: { retryAfter?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(details ?? OUTCOMES[code].text, { cause: options.cause });
    this.name = 'Outcome';
    this.code = code;
    this.details = details;
    this.headers = {
      ...options.headers,
      ...(options.retryAfter === undefined
        ? {}
        : { 'retry-after': String(Math.max(1, Math.ceil(options.retryAfter))) }),
    };
  }

  get status(): number {
    return OUTCOMES[this.code].status;
  }

  toResource(): OperationOutcome {
    const row: Row = OUTCOMES[this.code];
    return operationOutcome('error', row.issue, this.details ?? row.text, this.code);
  }
}

/** An OperationOutcome with one issue. `detail` is a code of ours, when there is one. */
export function operationOutcome(
  severity: OperationOutcome['issue'][number]['severity'],
  code: OperationOutcome['issue'][number]['code'],
  diagnostics: string,
  detail?: string,
): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity,
        code,
        ...(detail === undefined ? {} : { details: { coding: [{ system: OUTCOME_SYSTEM, code: detail }] } }),
        diagnostics,
      },
    ],
  };
}

/** CodeSystem of {@link OUTCOMES}. */
const OUTCOME_SYSTEM = 'https://payer-node.example/fhir/CodeSystem/outcome';

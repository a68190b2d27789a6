// Everything the validator can say, once. `error`: the resource is not valid base R4 and is refused or quarantined.
// `finding`: it is stored as sent and counted. docs/validation.md lists this table.

type Row = { severity: 'error' | 'finding'; text: string };

export const ISSUES = {
  'not-a-resource': { severity: 'error', text: 'The value is not a JSON object.' },
  'missing-type': { severity: 'error', text: 'resourceType is missing or not a string.' },
  'unknown-type': { severity: 'error', text: 'resourceType is not a resource type of R4.' },
  'bad-id': { severity: 'error', text: 'An id is not 1 to 64 characters of A-Z, a-z, 0-9, "-" and ".".' },
  'unknown-element': { severity: 'error', text: 'The element does not exist in R4 at this place.' },
  'missing-element': { severity: 'error', text: 'A mandatory element is missing.' },
  'wrong-json-type': { severity: 'error', text: 'The JSON type is wrong: for example a string for a number, or null.' },
  'not-repeating': { severity: 'error', text: 'An array stands where the element cannot repeat.' },
  'not-an-array': { severity: 'error', text: 'The element repeats and has to be an array.' },
  'empty-element': { severity: 'error', text: 'An object, array or string is empty.' },
  'bad-format': { severity: 'error', text: 'A primitive value does not have the form of its type.' },
  'code-not-in-set': { severity: 'error', text: 'A code is not in the value set that R4 requires for the element.' },
  'several-choices': { severity: 'error', text: 'An element with a choice of types has several values.' },
  'null-without-extension': { severity: 'error', text: 'A null in an array has no extension at its place.' },
  'bad-reference': { severity: 'error', text: 'A reference is neither Type/id, a URL, a URN nor a fragment.' },
  'ext-1': { severity: 'error', text: 'An extension must have either a value or extensions, and not both.' },
  'too-deep': { severity: 'error', text: 'Elements are nested more than 100 levels deep.' },

  'number-as-string': {
    severity: 'finding',
    text: 'A JSON number stands where a string is meant, such as an identifier.',
  },
  'reference-target': { severity: 'finding', text: 'A reference points to a type that the element does not allow.' },
  'conditional-reference': { severity: 'finding', text: 'A reference is a search that was not resolved.' },
  'ref-1': { severity: 'finding', text: 'A fragment reference names no contained resource.' },
  'dom-2': { severity: 'finding', text: 'A contained resource contains resources.' },
  'per-1': { severity: 'finding', text: 'A period starts after its end.' },
  'qty-3': { severity: 'finding', text: 'A quantity has a unit code without a system.' },
  'att-1': { severity: 'finding', text: 'An attachment has data without a content type.' },
  'cpt-2': { severity: 'finding', text: 'A contact point has a value without a system.' },
  'pat-1': { severity: 'finding', text: 'A contact of a patient has neither name, telecom, address nor organization.' },
  'obs-6': { severity: 'finding', text: 'An observation has both a value and a reason for its absence.' },
  'con-4': { severity: 'finding', text: 'A condition has an abatement but its clinical status is active.' },
  'con-5': { severity: 'finding', text: 'A condition entered in error has a clinical status.' },
  'ait-1': { severity: 'finding', text: 'An allergy that is not entered in error has no clinical status.' },
  'ait-2': { severity: 'finding', text: 'An allergy entered in error has a clinical status.' },
  'org-1': { severity: 'finding', text: 'An organization has neither identifier nor name.' },
  'org-2': { severity: 'finding', text: 'An address of an organization has use "home".' },
  'org-3': { severity: 'finding', text: 'A telecom of an organization has use "home".' },
  'ipn-1': { severity: 'finding', text: 'An insurance plan has neither identifier nor name.' },

  'us-core-16': { severity: 'finding', text: 'An NPI is not ten digits.' },
  'us-core-17': { severity: 'finding', text: 'An NPI fails its check digit.' },
  'us-core-18': { severity: 'finding', text: 'A CLIA number is not two digits, "D" and seven digits.' },
  'us-core-19': { severity: 'finding', text: 'A NAIC code is not five digits.' },
  'odd-postal-code': { severity: 'finding', text: 'A US postal code is not NNNNN or NNNNN-NNNN.' },
  'odd-phone': { severity: 'finding', text: 'A phone or fax number is not a valid North American number.' },

  'profile-required': { severity: 'finding', text: 'An element that the claimed profile demands is missing.' },
  'profile-prohibited': { severity: 'finding', text: 'An element that the claimed profile prohibits is present.' },
  'profile-max': { severity: 'finding', text: 'An element occurs more often than the claimed profile allows.' },
  'profile-fixed': { severity: 'finding', text: 'A value differs from the one the claimed profile fixes.' },
  'profile-binding': { severity: 'finding', text: 'A code is not in the value set of the claimed profile.' },
  'profile-extension': { severity: 'finding', text: 'An extension does not have the content its definition demands.' },
  'profile-type': { severity: 'finding', text: 'A profile is claimed that is for another resource type.' },
  'pd-1': { severity: 'finding', text: 'A practitioner role has neither telecom nor endpoint.' },
  'us-core-13': {
    severity: 'finding',
    text: 'A practitioner role has neither practitioner, organization, healthcareService nor location.',
  },
  'network-or-plan-Network': { severity: 'finding', text: 'An insurance plan names no network.' },
  'plan-type-is-distinct': { severity: 'finding', text: 'Two plans of an insurance plan have the same type.' },
  'new-patients-characteristics': {
    severity: 'finding',
    text: 'Characteristics of new patients are given although none are accepted.',
  },
  'organization-or-participatingOrganization': {
    severity: 'finding',
    text: 'An affiliation has neither organization nor participatingOrganization.',
  },
} as const satisfies Record<string, Row>;

export type IssueCode = keyof typeof ISSUES;

/**
 * `path` is the FHIRPath of the place (`Practitioner.identifier[0].value`). `message` names the rule and the element,
 * never a value: it may be logged.
 */
export type Issue = { severity: 'error' | 'finding'; code: IssueCode; path: string; message: string };

export function issue(code: IssueCode, path: string, message: string): Issue {
  return { severity: ISSUES[code].severity, code, path, message };
}

// What may be odd in a record of a peer. A finding never keeps a record out, unless it says so.

export const FINDINGS = {
  'npi-check-digit': 'An NPI fails its check digit.',
  'npi-form': 'An NPI is not written as ten digits.',
  'npi-style-2': 'An NPI is marked with the system of the federal terminology.',
  'npi-style-3': 'An NPI is marked by its type only.',
  'npi-style-4': 'An NPI has no mark but that CMS assigned it.',
  'npi-changed': 'An id has another NPI than before: another person stands under it, or a mistake was put right.',
  'taxonomy-system': 'A specialty stands under a system that is not that of the provider taxonomy.',
  'role-of-payer': 'A role names the payer itself as its organization.',
  placeholder: 'A placeholder of the server instead of a record: it is kept and not shown.',
  variant: 'One of several contents that the peer gave to one id.',
} as const satisfies Record<string, string>;

/** Counted from references, not kept with the records. */
export const REFERENCE_FINDINGS = {
  'references-by-address': 'References to records that are not there.',
  'references-by-name': 'References without an address to which no one answers, or more than one record does.',
} as const satisfies Record<string, string>;

/** A finding in words; records that the merged base cannot take are named by the fault. */
export function findingText(code: string): string {
  const known: Readonly<Record<string, string>> = { ...FINDINGS, ...REFERENCE_FINDINGS };
  if (code.startsWith('left-out ')) return `Shown without what breaks the structure of its type: ${code.slice(9)}.`;
  return known[code] ?? (code.startsWith('not-merged ') ? `Kept and not shown: ${code.slice(11)}.` : code);
}

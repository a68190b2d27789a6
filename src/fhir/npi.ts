// National Provider Identifier, check digit of 45 CFR 162.406: Luhn over 80840 and the ten digits.

export const NPI_SYSTEM = 'http://hl7.org/fhir/sid/us-npi';

/** Its address, its OID (2.16.840.1.113883.4.6), as records made from C-CDA have it, and what is often written for it. */
const NPI_SPELLINGS: ReadonlySet<unknown> = new Set([
  NPI_SYSTEM,
  'https://hl7.org/fhir/sid/us-npi',
  'urn:oid:2.16.840.1.113883.4.6',
]);

/** Is the system of an identifier that of NPIs, however it is written? */
export const isNpiSystem = (system: unknown): boolean => NPI_SPELLINGS.has(system);

export function isValidNpi(npi: string): boolean {
  return /^[0-9]{10}$/.test(npi) && luhnSum(npi) % 10 === 0;
}

/** A whole NPI from its first nine digits. */
export function withCheckDigit(nine: string): string {
  return nine + String((10 - (luhnSum(`${nine}0`) % 10)) % 10);
}

/** Luhn sum of ten digits with the prefix 80840 counted in (24). */
function luhnSum(ten: string): number {
  let sum = 24;
  for (let i = 0; i < ten.length; i++) {
    let digit = ten.charCodeAt(ten.length - 1 - i) - 48;
    if (i % 2 === 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum;
}

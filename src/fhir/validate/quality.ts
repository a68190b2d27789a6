// Identifiers, postal codes and phone numbers that are well-formed FHIR and still of no use to a person or to CMS.
// Always findings: what a plan published is stored as it was sent.
import { isValidNpi, NPI_SYSTEM } from '../npi.ts';
import type { JsonObject } from '../resource.ts';
import { report, type Walk } from './report.ts';

const CLIA = 'urn:oid:2.16.840.1.113883.4.7';
const NAIC = 'urn:oid:2.16.840.1.113883.6.300';

/** us-core-16 to us-core-19 of US Core 6.1, by the identifier's system, wherever an Identifier stands. */
export function checkIdentifier(walk: Walk, identifier: JsonObject): void {
  if (!walk.findings) return;
  const { system, value } = identifier;
  if (typeof value !== 'string') return;
  if (system === NPI_SYSTEM) {
    if (!/^[0-9]{10}$/.test(value)) report(walk, 'us-core-16', 'an NPI has ten digits', 'value');
    else if (!isValidNpi(value)) report(walk, 'us-core-17', 'the NPI fails its check digit', 'value');
  } else if (system === CLIA) {
    if (!/^[0-9]{2}D[0-9]{7}$/.test(value)) report(walk, 'us-core-18', 'not a CLIA number', 'value');
  } else if (system === NAIC && !/^[0-9]{5}$/.test(value)) report(walk, 'us-core-19', 'not a NAIC code', 'value');
}

const US = new Set(['US', 'USA', 'UNITED STATES', 'UNITED STATES OF AMERICA']);

/** ZIP or ZIP+4 with a dash. An address that names another country is left alone. */
export function checkPostalCode(walk: Walk, address: JsonObject): void {
  const { postalCode, country } = address;
  if (!walk.findings || typeof postalCode !== 'string') return;
  if (typeof country === 'string' && !US.has(country.trim().toUpperCase())) return;
  if (!/^[0-9]{5}(?:-[0-9]{4})?$/.test(postalCode))
    report(walk, 'odd-postal-code', 'neither NNNNN nor NNNNN-NNNN', 'postalCode');
}

const DIALLED = new Set(['phone', 'fax', 'sms']);

/** Ten digits of the North American plan once country code 1, extension and punctuation are taken away. */
export function checkPhone(walk: Walk, telecom: JsonObject): void {
  const { system, value } = telecom;
  if (!walk.findings || typeof value !== 'string' || typeof system !== 'string' || !DIALLED.has(system)) return;
  if (/^\s*(?:tel:)?\+(?!1)/.test(value)) return; // another country's number
  const digits = value
    .replace(/^\s*tel:/i, '')
    .replace(/(?:;?ext\.?|extension|x|#)[\s=:.]*\d+\s*$/i, '')
    .replace(/\D/g, '')
    .replace(/^1(?=\d{10}$)/, '');
  if (!/^[2-9]\d{2}[2-9]\d{6}$/.test(digits)) report(walk, 'odd-phone', 'not a North American number', 'value');
}

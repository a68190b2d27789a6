// The Federated Payer Identifier: a UUID that anyone can compute from what identifies the payer. Draft 1, FPI requirements.
import { v5 } from 'uuid';

export const FPI_SYSTEM = 'https://directory.cms.gov/payer_identification_system/fpi';
const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

export type FpiSource = { system: string; value: string };

/** `NAIC_ID:12345`; empty: the legal name, which is for the time until a number is known. */
export function readFpiSource(setting: string, legalName: string): FpiSource {
  const cut = setting.indexOf(':');
  if (cut > 0) return { system: setting.slice(0, cut), value: setting.slice(cut + 1) };
  return { system: 'LEGAL_NAME_HASH', value: legalName.toLowerCase().replace(/[^a-z0-9]/g, '') };
}

/** Lower case, version 5, of the source system's own name space. */
export function fpi(source: FpiSource): string {
  return v5(source.value, v5(`${source.system}.fhir`, DNS));
}

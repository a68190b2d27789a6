// Who we are, as requests, consents and Groups name us, and where our two bases are.
import type { Config } from '../src/config.ts';
import type { Payer } from './members/consent/evaluate.ts';

export function ourselves(config: Config): Payer {
  return { npi: config.planNpi, name: config.planName };
}

/** Absolute addresses of the exchange, all under the configured public base. */
export function addresses(config: Pick<Config, 'baseUrl'>) {
  const fhir = `${config.baseUrl}/exchange/fhir`;
  const issuer = `${config.baseUrl}/exchange/auth`;
  return {
    fhir,
    issuer,
    token: `${issuer}/token`,
    jwks: `${issuer}/jwks.json`,
    clientJwks: `${issuer}/client-jwks.json`,
  };
}

// Keys that no client has, verified against for unknown clients so that they take as long as known ones. The private halves
// were never kept. Constants, not made at start: a promise may not be shared between requests of a Worker.
import type { JWK } from 'jose';

const DECOYS: Readonly<Record<string, JWK>> = {
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    x: '-5RORrSoUPU8C1Ir-tl1Ssl--LCRRGdXmCFLiCHPxtGVa5Q0sSDbAFe-uw0OA780',
    y: 'skh3IIIYBl3uUP0fUZiIaDOlVVbYeStkAC7tlTGSWQNoojzmuhfXVxK-mdlugi7Q',
  },
  RS384: {
    kty: 'RSA',
    e: 'AQAB',
    n: '0xvlNEojB4sJpg8fHBu5YjnAGodmXhNmVuj4x7Am8QOGZFayGl_PTvoQc9TnCqQ1dUD4mDw6s29HJAtaBMo7Zjzxsf843JCk6SpPgONeYdKn7m1x_RyJK9YhVgDj88aNTTEF0QbxbEZE1CiU8UhejXdsx70841YwEvBHqh8mbc2p00E2Q0FOtdeQdSpAnnLbsuZnZgHIA8IDsgcVU22M6JlreA2sl326lrsFWB58mT-Lwcfo9HWt5Ae8TKgF2Zaq5IguaP0GAcgvqXNWVM0teb8rWfWxjCZRbzCySxJ_oPzsi67H58gYemV3zUo93TAkGqVvIzBcTzNifgVKbZoOmw',
  },
};

/** @param alg one that clients may use */
export function decoyKey(alg: string): JWK {
  return DECOYS[alg] ?? (DECOYS['ES384'] as JWK);
}

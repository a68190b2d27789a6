// By what a payer attests that the member is its own and has opted in (42 CFR 422.121(b)(4)(iii)). No guide has an element for it. Three
// carriers count: the coverage with the asker, a statement that it signed with a key of its set, and a standing statement on file.
import { compactVerify, importJWK, type JWK } from 'jose';
import { ALGORITHMS, chooseKey } from '../../../src/auth/client-assertion.ts';
import { isObject, type Json, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { containedOf, namesPayer, type Payer } from '../../members/consent/evaluate.ts';
import type { MemberBundle } from './read-member-bundle.ts';

export type AttestedBy = 'coverage' | 'signed' | 'document';

/** Characters of a statement about one member, and about a batch. */
const MOST = { one: 16_384, batch: 4 * 1024 * 1024 };
/** Days that a statement may be old: longer than a batch waits, shorter than a member is likely to leave unseen. */
const OLDEST_DAYS = 31;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Does the coverage with the asker name the asker? */
export function coverageAttests(link: Resource | undefined, peer: Payer): boolean {
  const contained = containedOf(link);
  return objects(link?.['payor']).some((p) => namesPayer(p, peer, contained));
}

/** The signed statement that a Consent carries: an attachment application/jose in a contained DocumentReference. */
export function statementOf(consent: Resource | undefined): string | undefined {
  for (const document of objects(consent?.['contained'])) {
    if (document['resourceType'] !== 'DocumentReference') continue;
    for (const content of objects(document['content'])) {
      const attachment = content['attachment'];
      if (!isObject(attachment) || attachment['contentType'] !== 'application/jose') continue;
      const data = text(attachment['data']);
      if (data === undefined || data.length > MOST.one * 2) continue;
      const jws = Buffer.from(data, 'base64').toString('latin1').trim();
      if (jws.length <= MOST.one && COMPACT.test(jws)) return jws;
    }
  }
  return undefined;
}

/** The signed statement beside the members of a batch, when this is the parameter `Attestation` of the request. */
export function batchStatementOf(parameter: JsonObject): string | undefined {
  const jws = parameter['name'] === 'Attestation' ? text(parameter['valueString'])?.trim() : undefined;
  return jws !== undefined && jws.length <= MOST.batch && COMPACT.test(jws) ? jws : undefined;
}

/** Consent that a statement names for each member, by the id of the MemberPatient; null when it names none. */
export type Attested = ReadonlyMap<string, string | null>;

/**
 * Whom a statement attests: signed by a key of the asker, about now, saying that they are enrolled and have opted in. No one when
 * anything of it is wrong.
 * @param asker its client id here, and its key set
 */
export async function readStatement(
  jws: string,
  asker: { clientId: string; keysFor: (kid: string) => Promise<readonly JWK[]> },
  now: Date,
): Promise<Attested> {
  const none: Attested = new Map();
  const header = headerOf(jws);
  const key = header && chooseKey(await asker.keysFor(header.kid), header);
  if (!key) return none;
  const claims = await verified(jws, key, header.alg);
  if (!isObject(claims) || claims['iss'] !== asker.clientId || claims['statement'] !== 'enrolled-and-opted-in')
    return none;
  const { iat } = claims;
  const seconds = now.getTime() / 1000;
  if (typeof iat !== 'number' || iat > seconds + 30 || iat < seconds - OLDEST_DAYS * 86_400) return none;
  return new Map(
    objects(claims['members']).flatMap((m): [string, string | null][] => {
      const id = text(m['id']);
      return id === undefined ? [] : [[id, text(m['consent']) ?? null]];
    }),
  );
}

/** By what a statement says it is signed; undefined when it is none of ours to read. */
function headerOf(jws: string): { alg: string; kid: string } | undefined {
  let header: Json;
  try {
    header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString('utf8')) as Json;
  } catch {
    return undefined;
  }
  if (!isObject(header) || header['crit'] !== undefined || header['b64'] !== undefined) return undefined;
  const [alg, kid] = [text(header['alg']), text(header['kid'])];
  if (alg === undefined || kid === undefined || !(ALGORITHMS as readonly string[]).includes(alg)) return undefined;
  return { alg, kid };
}

/** What is signed; undefined when the signature or the text does not hold: the match record keeps what was sent. */
async function verified(jws: string, { kty, crv, x, y, n, e }: JWK, alg: string): Promise<Json | undefined> {
  try {
    const { payload } = await compactVerify(jws, await importJWK({ kty, crv, x, y, n, e } as JWK, alg), {
      algorithms: [alg],
    });
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as Json;
  } catch {
    return undefined;
  }
}

/** Is this member, under this consent, among those whom a statement attests? */
export function attests(said: Attested, bundle: MemberBundle): boolean {
  const consent = said.get(bundle.patientId);
  return consent === null || (consent !== undefined && consent === text(bundle.consent?.['id']));
}

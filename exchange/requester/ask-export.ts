// The request for an export, in the form that the peer speaks.
import type { Json, JsonObject } from '../../src/fhir/resource.ts';
import { recordAbilities } from '../peers/peer-health.ts';
import type { FetchForm } from './client/abilities.ts';
import { kickOff } from './client/kick-off.ts';
import { askPeer, discard, PeerFault } from './client/peer-fetch.ts';
import { withToken } from './client/token.ts';
import { abilitiesOf, type Step } from './states.ts';

const PAYER_TO_PAYER = 'hl7.fhir.us.davinci-pdex#payertopayer';

/** Kicks an export off; `type`: the types that are named. @returns the status URL */
export async function startExport(
  s: Step,
  form: FetchForm,
  patients: readonly string[],
  from: Date | undefined,
  type?: string,
): Promise<string> {
  const since = from?.toISOString();
  const query = (more: Record<string, string> = {}) => {
    const q = new URLSearchParams({
      ...more,
      ...(since === undefined ? {} : { _since: since }),
      ...(type === undefined ? {} : { _type: type }),
    }).toString();
    return q === '' ? '' : `?${q}`;
  };
  const group = `/Group/${encodeURIComponent(s.pull.groupId ?? '')}`;
  if (form === 'group') return kickOff(s, `${group}/$export${query()}`).catch(asMissingForm);
  if (form === 'all') return kickOff(s, `/Patient/$export${query()}`).catch(asMissingForm);
  const parameter = (name: (reference: string) => JsonObject): Json[] => [
    ...(form === 'davinci' ? [{ name: 'exportType', valueCanonical: PAYER_TO_PAYER }] : []),
    ...(since === undefined ? [] : [{ name: '_since', valueInstant: since }]),
    ...(type === undefined ? [] : [{ name: '_type', valueString: type }]),
    ...(form === 'patient' ? patients.map((id) => ({ name: 'patient', ...name(`Patient/${id}`) })) : []),
  ];
  const bodyOf = (name: (reference: string) => JsonObject) =>
    JSON.stringify({ resourceType: 'Parameters', parameter: parameter(name) });
  const body = bodyOf((reference) => ({ valueReference: { reference } }));
  if (form === 'patient')
    return ofPatients(
      s,
      body,
      bodyOf((reference) => ({ valueString: reference })),
    );
  const path = `${group}/$davinci-data-export`;
  const byGet = () => kickOff(s, path + query({ exportType: PAYER_TO_PAYER }));
  if (abilitiesOf(s).byGet) return byGet();
  try {
    return await kickOff(s, path, body);
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    // a peer that offers the operation by GET alone says 405, or 404 although the Group is there
    if (error.reason !== 'kick-off-405' && !(error.reason === 'group-gone' && (await hasGroup(s, group)))) throw error;
    const statusUrl = await byGet().catch((second: unknown) => {
      throw second instanceof PeerFault && second.reason === 'group-gone' ? new PeerFault('kick-off-404') : second;
    });
    s.note('peer-form');
    await recordAbilities(s.deps.database.sql, s.peer.id, { ...abilitiesOf(s), byGet: true }, s.deps.clock());
    return statusUrl;
  }
}

const NO_REFERENCES = 'patient-references';

/** Patients are named by references, as Bulk Data says. A server in wide use takes texts only, and answers 400. */
async function ofPatients(s: Step, body: string, asTexts: string): Promise<string> {
  const ask = (text: string) => kickOff(s, '/Patient/$export', text).catch(asMissingForm);
  const abilities = abilitiesOf(s);
  if (abilities.lacks.includes(NO_REFERENCES)) return ask(asTexts);
  try {
    return await ask(body);
  } catch (error) {
    if (!(error instanceof PeerFault) || error.reason !== 'kick-off-400') throw error;
    // it may mean something else, and what it said first stands
    const statusUrl = await ask(asTexts).catch((second: unknown) => {
      throw second instanceof PeerFault && second.reason === 'kick-off-400' ? error : second;
    });
    s.note('peer-form');
    const learned = { ...abilities, lacks: [...abilities.lacks, NO_REFERENCES] };
    await recordAbilities(s.deps.database.sql, s.peer.id, learned, s.deps.clock());
    return statusUrl;
  }
}

/** 404 of a plain export says that it is not there, not that a Group of ours is gone. */
function asMissingForm(error: unknown): never {
  throw error instanceof PeerFault && error.reason === 'group-gone' ? new PeerFault('kick-off-404') : error;
}

async function hasGroup(s: Step, group: string): Promise<boolean> {
  const response = await withToken(s, (token) =>
    askPeer(s, `${s.peer.fhirBase ?? ''}${group}`, { token, headers: { accept: 'application/fhir+json' } }),
  );
  await discard(response);
  return response.status === 200;
}

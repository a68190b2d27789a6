// Whose a received unit may be, and whether it is. Pure.
import { type JsonObject, text } from '../../src/fhir/resource.ts';
import { birthDate } from '../match/normalize.ts';
import type { Person } from '../transform/others-within.ts';
import { isBaseOf } from './rewrite.ts';

/** `doubtful`: the same person there was matched to two of our members. `moved`: until now that person was another member of ours. */
export type UnitMember = {
  memberId: string;
  policy: string;
  withdrawn: boolean;
  doubtful?: boolean;
  moved?: boolean;
  /** birth dates that we know of, YYYY-MM-DD */
  births?: readonly string[];
};

type Whose = { peerBase: string; latest: string; members: ReadonlyMap<string, UnitMember> };

/** Is it the member whose record it is, or, of a statement about records, one of those asked for? */
export const isMember =
  (patientId: string | undefined, { members, peerBase }: Whose) =>
  ({ id, base }: Person): boolean => {
    const named = base === undefined || isBaseOf(base, peerBase) ? members.get(id)?.memberId : undefined;
    return named !== undefined && (patientId === undefined || named === members.get(patientId)?.memberId);
  };

/** Was a Patient that a record contains born on another day than the member? Days that stand for none say nothing. */
export const isAnother =
  (member: UnitMember | undefined, { latest }: Whose) =>
  (patient: JsonObject): boolean => {
    const [day] = birthDate(text(patient['birthDate']), new Date(latest));
    const { births = [] } = member ?? {};
    return day !== undefined && births.length > 0 && !births.includes(day);
  };

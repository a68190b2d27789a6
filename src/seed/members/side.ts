// The two plans of the generated members, and how records of each side are named.

/** `prior`: what the plan they left holds. `current`: what ours holds. */
export type Side = 'prior' | 'current';

export const SIDES: readonly Side[] = ['prior', 'current'];

/** Last day of the generated history when nothing else is asked. Part of the input, never the wall clock. */
export const UNTIL = '2026-10-31';

export const PLAN_NAMES: Record<Side, string> = {
  prior: 'Old Harbor Example Health',
  current: 'Meridian Example Health Plan',
};

/** How enrolment rows name the prior payer when they use a peer id. */
export const PRIOR_PEER = 'prior';

/** System of member numbers of a side, the `MB` identifier of Patient and Coverage. */
export const memberSystem = (side: Side) => `https://${side}.example/sid/member`;

export const patientId = (side: Side, index: number) => `${side}-${index}`;

/** Ids of a member's records: `p12-enc-3` is the third encounter of member 12 at the prior plan. */
export const recordId = (side: Side, index: number, name: string) => `${side === 'prior' ? 'p' : 'c'}${index}-${name}`;

// What a reader may rely on of claims that several payers tell, by spec/reconciliation.md (9) and docs/reconciliation.md (Claims and authorizations) alone: which records are one thing,
// which of them stands for it, and what a person is asked.
import type { JsonObject } from '../../src/fhir/resource.ts';

/** A version of a claim at a payer. `updated`: when the payer changed it. */
export type ClaimRow = {
  key: string;
  payer: string;
  id: string;
  member: string;
  insurer: string;
  uc: string;
  type: string;
  day: string;
  status: 'active' | 'cancelled';
  prior: readonly string[];
  next: readonly string[];
  updated: number;
  /** whose copy it says to be, by key */
  of?: string;
};

/** `group`: keys of the records that are one thing, in order. `stands`: of them those that may stand for it. */
export type Thing = { group: string; stands: readonly string[] };
export type Told = { things: Thing[]; asked: string[] };

type Version = { rows: ClaimRow[]; uc: string; type: string; insurer: string; prior: Set<string>; next: Set<string> };

/** Claims that their payer took back and tells as standing under another id of the number, no earlier. */
const isIssuedAnew = (r: ClaimRow, all: readonly ClaimRow[]): boolean =>
  r.status === 'cancelled' &&
  all.some((n) => n.payer === r.payer && n.key !== r.key && n.status === 'active' && n.updated >= r.updated);

const keysOf = (rows: readonly ClaimRow[]): string =>
  rows
    .map((r) => r.key)
    .sort()
    .join(' + ');

/** @param rows what is told of a member and not taken back, without copies that fell with their record */
export function claimsTold(rows: readonly ClaimRow[]): Told {
  const versions = [...Map.groupBy(rows, (r) => `${r.insurer} ${r.uc} ${r.type}`).values()].map(
    (of): Version => ({
      rows: of,
      uc: of[0]?.uc ?? '',
      type: of[0]?.type ?? '',
      insurer: of[0]?.insurer ?? '',
      prior: new Set(of.flatMap((r) => r.prior)),
      next: new Set(of.flatMap((r) => r.next)),
    }),
  );
  const speaking = (v: Version) => v.rows.filter((r) => !isIssuedAnew(r, v.rows));
  const isStanding = (v: Version) => speaking(v).every((r) => r.status === 'active');
  const odd: { at: Version; what: string }[] = [];
  for (const v of versions) {
    const said = speaking(v);
    const gone = said.filter((r) => r.status === 'cancelled');
    // nobody is asked of who has it as it was before the insurer took it back
    const isBefore = (r: ClaimRow) =>
      r.payer !== v.insurer && gone.some((g) => g.payer === v.insurer && g.updated > r.updated);
    if (gone.length > 0 && said.some((r) => r.status === 'active' && !isBefore(r)))
      odd.push({ at: v, what: `copies-differ ${v.uc}` });
  }

  const find = (from: Version, uc: string): Version | undefined => {
    const all = versions.filter((v) => v.uc === uc && v.insurer === from.insurer);
    return all.find((v) => v.type === from.type) ?? all[0];
  };
  const after = new Map<Version, Set<Version>>(versions.map((v) => [v, new Set()]));
  for (const v of versions) {
    for (const uc of v.prior) {
      const before = find(v, uc);
      if (before !== undefined) after.get(before)?.add(v);
      // over a version that has not come: who names it as its successor, and who names it as its predecessor
      else
        for (const w of versions)
          if (w !== v && w.type === v.type && w.insurer === v.insurer && w.next.has(uc)) after.get(w)?.add(v);
    }
    for (const uc of v.next) {
      const next = find(v, uc);
      if (next !== undefined) after.get(v)?.add(next);
    }
  }
  const things: Thing[] = [];
  const asked: string[] = [];
  const isOfOthers = (v: Version) => v.rows.some((r) => r.payer !== 'own');
  for (const [uc, of] of Map.groupBy(versions, (v) => v.uc))
    if (of.some(isOfOthers)) asked.push(...of.slice(1).map(() => `uc-collision ${uc}`));
  const seen = new Set<Version>();
  for (const start of versions) {
    if (seen.has(start)) continue;
    const chain = new Set([start]);
    for (const v of chain) {
      for (const n of after.get(v) ?? []) chain.add(n);
      for (const w of versions) if (after.get(w)?.has(v)) chain.add(w);
    }
    for (const v of chain) seen.add(v);
    for (const v of chain) if ((after.get(v)?.size ?? 0) > 1) odd.push({ at: v, what: `fork ${v.uc}` });
    const ends = [...chain].filter((v) => after.get(v)?.size === 0);
    const [last] = ends;
    const waits = last !== undefined && [...last.next].some((uc) => find(last, uc) === undefined);
    if (ends.length === 1 && last !== undefined && waits && [...chain].every((v) => !isStanding(v)))
      odd.push({ at: last, what: `no-final ${last.uc}` });
    // how our own claims fit together nobody is asked
    if ([...chain].some(isOfOthers)) asked.push(...odd.flatMap(({ at, what }) => (chain.has(at) ? what : [])));
    if (ends.length === 1 && last !== undefined && !waits) {
      const rowsOfLast = speaking(last);
      // of one that was taken back, a copy that says so
      const saying = isStanding(last) ? rowsOfLast : rowsOfLast.filter((r) => r.status === 'cancelled');
      things.push({ group: keysOf([...chain].flatMap((v) => v.rows)), stands: saying.map((r) => r.key) });
    } else for (const v of chain) things.push({ group: keysOf(v.rows), stands: v.rows.map((r) => r.key) });
  }
  return { things: things.sort((a, b) => (a.group < b.group ? -1 : 1)), asked: asked.sort() };
}

const ID_TYPE = 'http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType';
const RELATED = 'http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship';

/** The record of a row. `npi`: of its insurer. `source`: the address of what it says to be a copy of. */
export function claimText(
  r: ClaimRow,
  patient: string,
  npi: string,
  source: string | undefined,
  at: string,
): JsonObject {
  const system = `https://${r.insurer}.example/claims`;
  const related = (code: string) => (value: string) => ({
    relationship: { coding: [{ system: RELATED, code }] },
    reference: { system, value },
  });
  const links = [...r.prior.map(related('prior')), ...r.next.map(related('replacedby'))];
  return {
    resourceType: 'ExplanationOfBenefit',
    id: r.id,
    meta: { lastUpdated: at, ...(source === undefined ? {} : { source }) },
    identifier: [{ type: { coding: [{ system: ID_TYPE, code: 'uc' }] }, system, value: r.uc }],
    status: r.status,
    use: 'claim',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: r.type }] },
    patient: { reference: `Patient/${patient}` },
    billablePeriod: { start: r.day, end: r.day },
    created: r.day,
    insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi } },
    provider: { display: 'Clinic' },
    outcome: 'complete',
    insurance: [{ focal: true, coverage: { display: 'x' } }],
    item: [
      {
        sequence: 1,
        productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '99213' }] },
        servicedDate: r.day,
      },
    ],
    ...(links.length === 0 ? {} : { related: links }),
  };
}

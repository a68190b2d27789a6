// Rows of a first load for places, boundaries, verifications and opening hours, column by column as in their migration; and whether the
// server hashes as this program does.

import type { BinaryRows } from '../../src/db/copy-binary.ts';
import type { Sql } from '../../src/db/database.ts';
import { hashed, hashText } from '../../src/db/hash.ts';
import { tokenOfReference } from '../../src/db/reference-token.ts';
import type { Entries } from '../../src/fhir/search/entries.ts';
import type { Logical } from '../../src/fhir/search/logical.ts';
import { TARGET } from '../../src/fhir/search/parameters-further.ts';

/** A text with the seed 803, as the target of a reference. */
export const PROBE = 'Präfix|12345678901234';

export function probe(): string {
  hashText(PROBE, 803);
  tokenOfReference(hashed.hi, hashed.lo, 803);
  return String((BigInt(hashed.hi) << 32n) | BigInt(hashed.lo >>> 0));
}

type Tables = Record<'place' | 'boundary' | 'verification', BinaryRows>;

export function addGeometry(out: Tables, entries: Entries, hi: number, lo: number): void {
  const { place, areas = [] } = entries;
  if (place) {
    out.place.row(3);
    out.place.int8(hi, lo);
    out.place.point(place.longitude, place.latitude);
    out.place.bool(place.approximate === true);
  }
  areas.forEach(({ ring, holes }, i) => {
    out.boundary.row(5);
    out.boundary.int8(hi, lo);
    out.boundary.int2(i + 1);
    out.boundary.boundsOf(ring);
    out.boundary.polygon(ring);
    out.boundary.polygonArray(holes);
  });
}

/** One row for each target of a successful verification. */
export function addVerified(
  out: BinaryRows,
  entries: Entries,
  done: { lo: number; hi: number },
  hi: number,
  lo: number,
): void {
  for (const target of new Set(entries.refs.filter((_, i) => entries.refParams[i] === TARGET))) {
    out.row(4);
    hashText(target, 0);
    out.int8(hashed.hi, hashed.lo);
    out.int8(hi, lo);
    out.timestamp(done.lo);
    out.timestamp(done.hi);
  }
}

/** A row for each token under which the target of a reference may stand; a verification whose target is not known yet stands under the target 0. */
export function addLogical(
  out: Record<'logical' | 'verification', BinaryRows>,
  { verified }: Entries,
  logical: readonly Logical[],
  hi: number,
  lo: number,
): void {
  logical.forEach(({ param, before, targets }, i) => {
    for (const target of targets.length === 0 ? [undefined] : targets) {
      out.logical.row(6);
      out.logical.int8(hi, lo);
      if (target === undefined) out.logical.none();
      else {
        hashText(target.form, target.seed);
        out.logical.int8(hashed.hi, hashed.lo);
      }
      out.logical.none();
      out.logical.int4(i + 1);
      out.logical.int2(param);
      if (before === undefined) out.logical.none();
      else out.logical.text(before);
    }
  });
  if (!verified) return;
  out.verification.row(4);
  out.verification.int8(0, 0);
  out.verification.int8(hi, lo);
  out.verification.timestamp(verified.lo);
  out.verification.timestamp(verified.hi);
}

/** Patterns of opening hours, stored once each. */
export function openingPatterns() {
  const seen = new Set<string>();
  let fresh: string[] = [];
  return {
    add(hours: string | undefined): void {
      if (hours === undefined || seen.has(hours)) return;
      seen.add(hours);
      fresh.push(hours);
    },
    async store(sql: Sql): Promise<void> {
      const added = fresh;
      fresh = [];
      if (added.length === 0) return;
      await sql.unsafe(
        `insert into directory.opening (pattern, open)
         select hashtextextended(t, 0), t::int4multirange from jsonb_array_elements_text($1::text::jsonb) t
         on conflict do nothing`,
        [JSON.stringify(added)],
      );
    },
  };
}

// Invented NPIs: they pass the check digit and begin with 9, which is never issued. Three ranges keep people,
// organizations and the members' providers apart; within a range every index has its own number.
import { withCheckDigit } from '../fhir/npi.ts';

const RANGES = {
  practitioner: { first: 900_000_000, size: 70_000_000 },
  organization: { first: 970_000_000, size: 20_000_000 },
  /** practitioners and organizations of generated members */
  care: { first: 990_000_000, size: 9_999_999 },
} as const;

/** Coprime to every range size, so that i ↦ (i · step + offset) mod size meets each number once. */
const STEP = 7_368_787;

/** The NPI of entity `index` of a range, distinct for every index below the size of the range. */
export function inventedNpi(range: keyof typeof RANGES, seed: number, index: number): string {
  const { first, size } = RANGES[range];
  const offset = Math.abs(seed % 1009) * 6_151;
  return withCheckDigit(String(first + ((index * STEP + offset) % size)));
}

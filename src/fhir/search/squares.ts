// The map in squares, each with a number: roles have entries by kind of care and square (directory/search/care-at.ts), and what is near a point
// lies in few of them.
import type { Box } from './near.ts';

/** Squares along a degree. A circle of 25 miles meets some twenty, and four in ten of what lies in them are within it. */
export const SQUARES_A_DEGREE = 4;
/** Numbers of a row of squares. */
export const SQUARES_ACROSS = 360 * SQUARES_A_DEGREE;

const at = (degrees: number, from: number): number => Math.floor((degrees - from) * SQUARES_A_DEGREE);

/**
 * Numbers of the squares that boxes meet, each once.
 * @returns undefined when they are more than `most`
 */
export function squaresIn(boxes: readonly Box[], most: number): number[] | undefined {
  const found = new Set<number>();
  for (const { west, south, east, north } of boxes) {
    const [top, bottom, left, right] = [at(north, -90), at(south, -90), at(west, -180), at(east, -180)];
    if ((top - bottom + 1) * (right - left + 1) > most) return undefined;
    for (let row = bottom; row <= top; row++)
      for (let column = left; column <= right; column++) found.add(row * SQUARES_ACROSS + column);
  }
  return found.size > most ? undefined : [...found];
}

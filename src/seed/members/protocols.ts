// Which conditions a member has.
import { at } from '../random.ts';
import { COMMON, type Protocol, SENSITIVE } from './codes.ts';

/** Conditions of a member: two or three common ones; about one in four has one that is labelled sensitive. */
export function protocolsOf(index: number): Protocol[] {
  const list = [at(COMMON, index), at(COMMON, index + 1 + (index % 4))];
  if (index % 3 === 0) list.push(at(COMMON, index + 3));
  if (index % 4 === 3) list.push(at(SENSITIVE, Math.floor(index / 4)));
  return list.filter((p, i) => list.indexOf(p) === i);
}

// The parts of a publication beside the bulk files, by name.
import { makeMpf } from '../mpf/make-mpf.ts';
import { makePayerIndex } from '../payer-index/make-index.ts';
import { makeQhp } from '../qhp/make-qhp.ts';
import type { Maker, Part } from './make-publication.ts';

export const MAKERS: Partial<Record<Exclude<Part, 'bulk'>, Maker>> = {
  mpf: makeMpf,
  qhp: makeQhp,
  index: makePayerIndex,
};

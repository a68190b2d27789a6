// The parts of a publication beside the bulk files, by name.
import type { Maker, Part } from './make-publication.ts';

export const MAKERS: Partial<Record<Exclude<Part, 'bulk'>, Maker>> = {};

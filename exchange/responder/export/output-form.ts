// In which form a record leaves: whole, or the part that _elements names, or not at all by _typeFilter.
import type { Resource } from '../../../src/fhir/resource.ts';
import { mayHoldLinks, withAbsoluteLinks } from '../../records/facts/attachment.ts';
import { elementsOf, withElements } from './elements.ts';
import type { ExportParameters } from './export-parameters.ts';
import { passes, readTypeFilters, type TypeFilter } from './type-filter.ts';

export class Shape {
  readonly #filters: TypeFilter[];
  readonly #filtered: ReadonlySet<string>;
  readonly #asked: readonly string[];
  readonly #elements = new Map<string, ReadonlySet<string> | undefined>();

  readonly #base: string;

  /** @param base FHIR base, for links to documents */
  constructor(parameters: Pick<ExportParameters, 'filters' | 'elements'>, base: string) {
    this.#base = base;
    this.#filters = readTypeFilters(parameters.filters ?? []);
    this.#filtered = new Set(this.#filters.map((f) => f.type));
    this.#asked = parameters.elements ?? [];
  }

  /**
   * The text that leaves, untouched when nothing was asked for, bytes as the same bytes; undefined when it does not pass the filters.
   * `linked`: of `withAbsoluteLinks`.
   */
  of(type: string, text: string | Buffer, linked = false): string | Buffer | undefined {
    if (!this.#filtered.has(type) && this.#asked.length === 0 && !mayHoldLinks(type, text, linked)) return text;
    const stored = typeof text === 'string' ? text : text.toString();
    if (this.#filtered.has(type) && !passes(this.#filters, JSON.parse(stored) as Resource)) return undefined;
    const json = withAbsoluteLinks(type, stored, this.#base, linked);
    if (this.#asked.length === 0) return json;
    if (!this.#elements.has(type)) this.#elements.set(type, elementsOf(type, this.#asked));
    const stay = this.#elements.get(type);
    return stay === undefined ? json : withElements(json, stay);
  }
}

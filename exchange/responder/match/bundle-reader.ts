// A request of many members, read as its bytes come: as it is accepted, and again by the worker. Neither holds it as a whole.
import { isObject, isResource } from '../../../src/fhir/resource.ts';
import { parseText, StrictList } from '../../../src/fhir/strict-json.ts';
import { batchStatementOf } from './attestation.ts';
import {
  BundleFault,
  type MemberBundle,
  mayHoldNoText,
  NO_MEMBER,
  NO_PARAMETERS,
  readMemberBundle,
} from './read-member-bundle.ts';

export class BundleReader {
  readonly #decoder = new TextDecoder();
  readonly #list = new StrictList('parameter');
  #seen = 0;
  members = 0;
  /** the statement about all members that the request brings */
  statement: string | undefined;

  /**
   * The members whose text ends with this piece, one after the other.
   * @throws BundleFault, JsonFault
   */
  *take(piece: Uint8Array): Generator<MemberBundle> {
    for (const text of this.#list.push(this.#decoder.decode(piece, { stream: true }))) {
      const parameter = parseText(text, `Parameter ${++this.#seen}`);
      if (!isObject(parameter)) continue;
      if (parameter['name'] === 'MemberBundle')
        yield readMemberBundle(parameter, this.members++, { isText: !mayHoldNoText(text) });
      else this.statement ??= batchStatementOf(parameter);
    }
  }

  /** @throws BundleFault, JsonFault when what was read is no request */
  end(): void {
    this.#list.push(this.#decoder.decode());
    const outside = this.#list.end();
    if (!isResource(outside) || outside.resourceType !== 'Parameters') throw new BundleFault(NO_PARAMETERS);
    if (this.members === 0) throw new BundleFault(NO_MEMBER);
  }
}

/** The members of a stored request, which was looked at when it was accepted. */
export async function* bundlesIn(
  request: AsyncIterable<Uint8Array>,
  reader = new BundleReader(),
): AsyncGenerator<MemberBundle> {
  for await (const piece of request) yield* reader.take(piece);
  reader.end();
}

// Items of a JSON text of any length, one at a time. Numbers that JSON.stringify would write otherwise (1.50, 1e3) stay as they are
// written: FHIR wants decimals kept so (https://hl7.org/fhir/R4/datatypes.html#decimal).
import { Tokenizer, TokenParser } from '@streamparser/json';
import { rawJson } from '../../../src/fhir/number-literals.ts';
import type { Json } from '../../../src/fhir/resource.ts';
import { NotText, onlyUtf8 } from '../../../src/net/read-bounded.ts';

/** `written`: the text of an item that has such a number; of others it is what JSON.stringify writes. */
export type Item = { value: Json; written?: string };

/** Such a number is a value that JSON.stringify writes as it was. */
class AsWritten extends Tokenizer {
  found = false;
  protected override parseNumber(written: string): number {
    const value = super.parseNumber(written);
    if (String(value) === written || Number.isNaN(value)) return value;
    this.found = true;
    return rawJson(written);
  }
}

/** A fault is the last one. @param path such as `$.*` or `$.entry.*.resource` */
export async function* itemsAt(
  bytes: AsyncGenerator<Uint8Array>,
  path: string,
): AsyncGenerator<Item | { fault: 'not-utf8' | 'not-json' }> {
  const tokens = new AsWritten();
  const parser = new TokenParser({ paths: [path], keepStack: false });
  let held: Item[] = [];
  let isFaulty = false;
  tokens.onToken = (token) => parser.write(token);
  tokens.onError = () => {
    isFaulty = true;
  };
  parser.onError = (error) => tokens.error(error);
  parser.onEnd = () => {
    if (!tokens.isEnded) tokens.end();
  };
  parser.onValue = ({ value }) => {
    held.push(tokens.found ? reread(value as Json) : { value: value as Json });
    tokens.found = false;
  };
  try {
    for await (const chunk of onlyUtf8(bytes)) {
      tokens.write(chunk);
      if (isFaulty) break;
      yield* held;
      held = [];
    }
  } catch (error) {
    if (!(error instanceof NotText)) throw error;
    yield { fault: 'not-utf8' };
    return;
  }
  yield* held;
  if (isFaulty || !(tokens.isEnded && parser.isEnded)) yield { fault: 'not-json' };
}

function reread(value: Json): Item {
  const written = JSON.stringify(value);
  return { value: JSON.parse(written) as Json, written };
}

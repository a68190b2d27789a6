// Bundles of one type as files, an entry a line, never compressed; and reading them again, entry by entry.
import { TextFile } from '../../src/blobs/text-file.ts';
import type { Blobs } from '../../src/deps.ts';
import { lines } from '../../src/fhir/ndjson.ts';
import { isObject, type Resource } from '../../src/fhir/resource.ts';
import type { MpfEntry } from './audit.ts';

export type BundleFile = {
  type: string;
  /** `PractitionerRole-001.json` */
  file: string;
  blobKey: string;
  lines: number;
  bytes: number;
  storedBytes: number;
  sha256: string;
};

/** CMS takes 300 MB a file. */
const LIMITS = { entries: 50_000, characters: 100_000_000 };

const head = (timestamp: string) =>
  `{"resourceType":"Bundle","type":"collection","timestamp":"${timestamp}","entry":[\n`;

/** Writes the Bundles of one set. */
export class BundleFiles {
  readonly #blobs: Blobs;
  readonly #folder: string;
  readonly #base: string;
  readonly #timestamp: string;
  readonly #done: BundleFile[] = [];
  #open: { type: string; file: TextFile; entries: number } | undefined;

  constructor(blobs: Blobs, folder: string, options: { base: string; timestamp: string }) {
    this.#blobs = blobs;
    this.#folder = folder;
    this.#base = options.base;
    this.#timestamp = options.timestamp;
  }

  /** Types come one after the other. */
  async write(resource: Resource): Promise<void> {
    const type = resource.resourceType;
    const current = this.#open;
    if (
      current &&
      (current.type !== type || current.entries >= LIMITS.entries || current.file.written >= LIMITS.characters)
    )
      await this.#close();
    let open = this.#open;
    if (!open) {
      const n = this.#done.filter((f) => f.type === type).length + 1;
      const key = `${this.#folder}/${type}-${String(n).padStart(3, '0')}.json`;
      open = { type, file: new TextFile(this.#blobs, key), entries: 0 };
      this.#open = open;
      await open.file.write(head(this.#timestamp));
    }
    const entry = JSON.stringify({ fullUrl: `${this.#base}/${type}/${String(resource['id'])}`, resource });
    const full = open.file.write(open.entries++ === 0 ? entry : `,\n${entry}`);
    if (full) await full;
  }

  async #close(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    await open.file.write('\n]}\n');
    const stored = await open.file.end();
    this.#done.push({
      type: open.type,
      file: stored.blobKey.slice(this.#folder.length + 1),
      lines: open.entries,
      ...stored,
    });
  }

  async finish(): Promise<BundleFile[]> {
    await this.#close();
    return this.#done;
  }

  async abandon(): Promise<void> {
    await this.#open?.file.abandon();
    this.#open = undefined;
    for (const f of this.#done) await this.#blobs.delete(f.blobKey);
  }
}

/** Text that is kept whole when a Bundle is not laid out an entry a line. */
const MAX_WHOLE = 300_000_000;

/** Entries of a Bundle. One that has an entry a line is never held whole. */
export async function* readBundle(file: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<MpfEntry> {
  let whole: string[] | undefined;
  let size = 0;
  let state: 'head' | 'entries' | 'done' = 'head';
  for await (const line of lines(source)) {
    if ('fault' in line) {
      yield { file, fault: 'N3015' };
      return;
    }
    const text = line.text.trim();
    if (whole) {
      size += text.length;
      if (size > MAX_WHOLE) break;
      whole.push(line.text);
    } else if (state === 'head') {
      if (isHead(text)) state = 'entries';
      else whole = [line.text];
    } else if (state === 'entries' && text === ']}') state = 'done';
    else {
      const json = state === 'entries' ? parse(text.endsWith(',') ? text.slice(0, -1) : text) : undefined;
      if (json === undefined) {
        yield { file, fault: 'N3015' };
        return;
      }
      yield { file, entry: json };
    }
  }
  if (whole) yield* entriesOf(file, parse(whole.join('\n')));
  else if (state !== 'done') yield { file, fault: 'N3015' };
}

/** The line that opens a Bundle with an entry a line. */
function isHead(text: string): boolean {
  if (!text.endsWith('"entry":[')) return false;
  const json = parse(`${text}]}`);
  return isObject(json) && json['resourceType'] === 'Bundle' && typeof json['type'] === 'string';
}

function* entriesOf(file: string, json: unknown): Generator<MpfEntry> {
  if (json === undefined) yield { file, fault: 'N3015' };
  else if (
    !isObject(json) ||
    json['resourceType'] !== 'Bundle' ||
    typeof json['type'] !== 'string' ||
    !Array.isArray(json['entry'])
  )
    yield { file, fault: 'C4018' };
  else for (const entry of json['entry']) yield { file, entry };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// A consumer of $bulk-publish written from the specification alone (its rules B20 to B27): it knows a root URL and nothing
// of the server.
import { gunzipSync } from 'node:zlib';

type Page = {
  manifestType?: string;
  transactionTime: string;
  requiresAccessToken: boolean;
  outputOrganizedBy?: string;
  output?: { type?: string; url: string; count?: number; fileSize?: number }[];
  deleted?: { url: string; count?: number; fileSize?: number }[];
  link?: { relation: string; url: string }[];
};
export type Get = (url: string, headers: Record<string, string>) => Promise<Response>;

/** A page or a file that is not there any more: start again from the root. */
class Gone extends Error {}

export class Consumer {
  readonly #get: Get;
  readonly #root: string;
  /** the committed data set: `Type/id` to resource */
  data = new Map<string, Record<string, unknown>>();
  /** how often the whole was loaded */
  starts = 0;
  filesRead = 0;
  #position: { url: string; etag: string } | undefined;
  /** a root page that was read and not yet followed */
  #begun: { page: Page; etag: string } | undefined;

  constructor(root: string, get: Get) {
    this.#root = root;
    this.#get = get;
  }

  async #page(url: string, etag?: string): Promise<{ page: Page; etag: string } | 'same'> {
    const response = await this.#get(url, {
      'accept-encoding': 'gzip',
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
    });
    if (response.status === 304) return 'same';
    if (response.status === 404) throw new Gone();
    if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
    if (response.headers.get('content-type') !== 'application/json') throw new Error('not JSON');
    const page = (await response.json()) as Page;
    if (page.outputOrganizedBy !== undefined) throw new Error('organized otherwise');
    if ((page.link ?? []).filter((l) => l.relation === 'next').length > 1) throw new Error('two next links');
    return { page, etag: response.headers.get('etag') ?? '' };
  }

  async #lines(file: { url: string; count?: number; fileSize?: number }): Promise<Record<string, unknown>[]> {
    const response = await this.#get(file.url, { 'accept-encoding': 'gzip' });
    if (response.status === 404) throw new Gone();
    if (response.status !== 200) throw new Error(`${file.url}: ${response.status}`);
    this.filesRead++;
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = response.headers.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes;
    if (file.fileSize !== undefined && file.fileSize !== text.length) throw new Error('another size');
    const lines = text.toString().split('\n').filter(Boolean);
    if (file.count !== undefined && file.count !== lines.length) throw new Error('another count');
    return lines.map((l) => JSON.parse(l) as Record<string, unknown>);
  }

  async #apply(page: Page, data: Consumer['data']): Promise<void> {
    for (const file of page.output ?? []) {
      const seen = new Set<string>();
      for (const resource of await this.#lines(file)) {
        const key = `${String(resource['resourceType'])}/${String(resource['id'])}`;
        if (resource['resourceType'] !== file.type || seen.has(key)) throw new Error(`${key} does not belong here`);
        seen.add(key);
        data.set(key, resource);
      }
    }
    for (const file of page.deleted ?? [])
      for (const bundle of await this.#lines(file)) {
        if (bundle['resourceType'] !== 'Bundle' || bundle['type'] !== 'transaction')
          throw new Error('not a transaction');
        for (const { request } of bundle['entry'] as { request: { method: string; url: string } }[]) {
          if (request.method !== 'DELETE') throw new Error('not a deletion');
          data.delete(request.url);
        }
      }
  }

  /** Reads the root page and nothing else yet. */
  async begin(): Promise<void> {
    const root = await this.#page(this.#root);
    if (root !== 'same') this.#begun = root;
    this.#position = undefined;
  }

  /** Catches up. The old data set stays until the new one is whole. */
  async poll(): Promise<void> {
    for (let tries = 0; tries < 5; tries++)
      try {
        if (await this.#once()) return;
      } catch (error) {
        if (!(error instanceof Gone)) throw error;
        this.#position = undefined;
        this.#begun = undefined;
      }
    throw new Error('no end');
  }

  /** False: start over. */
  async #once(): Promise<boolean> {
    let at: string;
    let found: { page: Page; etag: string };
    let data = new Map(this.data);
    if (this.#position) {
      at = this.#position.url;
      const read = await this.#page(at, this.#position.etag);
      if (read === 'same') return true;
      found = read; // its files are in the data set already
    } else {
      at = this.#root;
      const root = this.#begun ?? (await this.#page(at));
      if (root === 'same') return true;
      found = root;
      this.#begun = undefined;
      this.starts++;
      data = new Map();
      await this.#apply(found.page, data);
      if (found.page.link?.[0]?.url === '#pending') throw new Error('a root without a stub page');
    }
    for (;;) {
      const next = (found.page.link ?? []).find((l) => l.relation === 'next')?.url;
      if (next === '#closed') {
        this.#position = undefined;
        return false;
      }
      if (next === undefined || next === '#pending') {
        this.data = data;
        this.#position = next === undefined ? undefined : { url: at, etag: found.etag };
        return true;
      }
      at = next;
      const read = await this.#page(at);
      if (read === 'same') throw new Error('304 without a question');
      found = read;
      await this.#apply(found.page, data);
    }
  }
}

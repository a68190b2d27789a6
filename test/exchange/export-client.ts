// A peer that matches, exports and reads files over HTTP, for tests of the export.
import { request } from 'undici';
import { expect } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import type { TestNode } from '../support/node.ts';
import type { Client } from './peer-client.ts';
import { type Asked, matchBody, parts } from './plan-fixture.ts';

type Init = { method?: string; headers?: Record<string, string | undefined>; body?: unknown; token?: string | null };
export type Answer = {
  status: number;
  header(name: string): string | undefined;
  bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  json(): any;
};
export type Manifest = {
  transactionTime: string;
  request?: string;
  output: { type: string; url: string; count: number }[];
  deleted: { type?: string; url: string; count: number }[];
  error?: { url: string; count: number }[];
  outcome?: { url: string; count: number }[];
};
export const REGULAR = 'http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#regular';
export const SENSITIVE = REGULAR.replace('regular', 'sensitive');
const KICK = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };

export class ExportClient {
  readonly node: TestNode;
  readonly peer: Client;
  #token = '';

  constructor(node: TestNode, peer: Client) {
    this.node = node;
    this.peer = peer;
  }

  get fhir(): string {
    return `${this.node.base}/exchange/fhir`;
  }

  /** @param at the node's clock, when it is not ours */
  async signIn(scope?: string, at: Date = new Date()): Promise<string> {
    const seconds = Math.floor(at.getTime() / 1000);
    const assertion = await this.peer.assertion({ iat: seconds, exp: seconds + 100 });
    const form = await this.peer.form({ client_assertion: assertion, ...(scope === undefined ? {} : { scope }) });
    this.#token = ((await (await this.peer.post(form)).json()) as { access_token: string }).access_token;
    return this.#token;
  }

  async call(path: string, init: Init = {}): Promise<Answer> {
    const bearer = init.token === undefined ? this.#token : init.token;
    const headers = {
      accept: 'application/fhir+json',
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...init.headers,
    };
    const answer = await request(path.startsWith('http') ? path : `${this.fhir}${path}`, {
      method: (init.method ?? 'GET') as 'GET',
      headers: Object.fromEntries(Object.entries(headers).filter((e): e is [string, string] => e[1] !== undefined)),
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return {
      status: answer.statusCode,
      header: (name) => {
        const value = answer.headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      bytes,
      json: () => JSON.parse(bytes.toString('utf8')),
    };
  }

  /** The match Group of some people, under a consent. */
  async group(asked: readonly Asked[], policy = REGULAR): Promise<string> {
    const bundles = asked.map((a, i) => {
      const made = parts({ id: `m-${i}`, ...a });
      Object.assign(made.consent, { policy: [{ uri: policy }] });
      return made;
    });
    const kick = await this.call('/Group/$bulk-member-match', {
      method: 'POST',
      body: matchBody(...bundles),
      headers: KICK,
    });
    const { manifest } = await this.finished(kick);
    const groups = await this.lines(manifest.output.find((f) => f.type === 'Group')?.url ?? '');
    return String(groups.find((g) => JSON.stringify(g['code']).includes('"match"'))?.['id']);
  }

  /** POST of an export: `place` is `Group/id/$export` and its like. */
  kick(place: string, parameter: object[] = [], headers: Record<string, string | undefined> = {}): Promise<Answer> {
    return this.call(`/${place}`, {
      method: 'POST',
      headers: { ...KICK, ...headers },
      body: { resourceType: 'Parameters', parameter },
    });
  }

  get(place: string, query: string, headers: Record<string, string | undefined> = {}): Promise<Answer> {
    return this.call(`/${place}?${query}`, { headers: { ...KICK, ...headers } });
  }

  async finished(kick: Answer): Promise<{ status: string; answer: Answer; manifest: Manifest }> {
    expect([kick.status, kick.bytes.toString()]).toEqual([202, '']);
    await this.node.work();
    const status = kick.header('content-location') ?? '';
    const answer = await this.call(status);
    expect([answer.status, answer.header('cache-control')]).toEqual([200, 'private, no-store']);
    return { status, answer, manifest: answer.json() as Manifest };
  }

  async lines(url: string): Promise<Resource[]> {
    const answer = await this.call(url);
    expect(answer.status).toBe(200);
    return answer.bytes
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .map((l) => JSON.parse(l) as Resource);
  }

  /** Everything in the output of an export, each file with the number of lines it declares. */
  async output(manifest: Manifest): Promise<Resource[]> {
    const all: Resource[] = [];
    for (const file of manifest.output) {
      const got = await this.lines(file.url);
      expect(got).toHaveLength(file.count);
      all.push(...got);
    }
    return all;
  }

  /** `Type/id` of what an export announces as deleted. */
  async deleted(manifest: Manifest): Promise<string[]> {
    const bundles = (await Promise.all(manifest.deleted.map((f) => this.lines(f.url)))).flat();
    return bundles.flatMap((b) => (b['entry'] as { request: { url: string } }[]).map((e) => e.request.url)).sort();
  }
}

export const keysOf = (resources: readonly Resource[]): string[] =>
  resources.map((r) => `${r.resourceType}/${String(r['id'])}`).sort();

// Forms of an answer beside that of JSON as it is stored: XML, and either with line breaks for those who read it themselves. Every FHIR answer is
// made as JSON and rewritten at the end. https://hl7.org/fhir/R4/http.html#mime-type
import type { Context, MiddlewareHandler } from 'hono';
import { Outcome } from '../src/fhir/outcome.ts';
import { prettyPieces } from '../src/fhir/pretty-json.ts';
import { FHIR_XML, xmlPieces } from '../src/fhir/xml.ts';
import { goneOf } from '../src/http/client-gone.ts';
import { errorResponse, FHIR_JSON, type FhirEnv } from '../src/http/fhir-app.ts';
import { asksXml } from '../src/http/negotiate.ts';
import { queryPairs } from '../src/http/query.ts';
import type { Work } from './work.ts';

/** Narratives of others are XHTML: a browser that is led here runs nothing of them. */
const NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'; sandbox";

/** Anyone who keeps answers for others keeps one of each form. */
const VARIES = 'accept, accept-encoding';

export type Form = { xml: boolean; pretty: boolean };

/** @param query of the URL, or of the form in a body */
export function formOf(accept: string | undefined, query: Iterable<readonly [string, string]>): Form {
  let format: string | undefined;
  let pretty = false;
  for (const [name, value] of query)
    if (name === '_format') format ??= value;
    else if (name === '_pretty') pretty = value === 'true';
  return { xml: asksXml(accept, format), pretty };
}

/** Of these there may be a thousand entries: rewritten, some hundred milliseconds and ten megabytes. */
const LONG = /\/([A-Z][A-Za-z]+|_history|_search)$/;

/** Runs around all that answers in FHIR. A handler that reads the form in a body tells by `form`. What may be long is done in turns, from the search on. */
export const answerForms =
  (work: Pick<Work, 'written'>): MiddlewareHandler<FhirEnv> =>
  async (c, next) => {
    const asked = formOf(c.req.header('accept'), queryPairs(c));
    c.set('vary', VARIES);
    const inTurn = <T>(make: () => Promise<T>): Promise<T> =>
      LONG.test(c.req.path) ? work.written(make, goneOf(c.env)) : make();
    try {
      if (!isAnew(asked)) await next();
      else return await inTurn(() => next().then(() => rewrite(c, c.get('form') ?? asked)));
      const told = c.get('form') ?? asked;
      await (isAnew(told) ? inTurn(() => rewrite(c, told)) : rewrite(c, told));
    } catch (error) {
      if (!(error instanceof Outcome)) throw error;
      c.set('replied', false);
      c.res = errorResponse(c, error);
      await rewrite(c, c.get('form') ?? asked);
    }
  };

const isAnew = ({ xml, pretty }: Form): boolean => xml || pretty;

async function rewrite(c: Context<FhirEnv>, form: Form): Promise<void> {
  const { res } = c;
  // to read the headers of an answer that stays as it is would cost as much as to route it
  if (c.get('replied') && !isAnew(form)) return;
  const isFhir = res.headers.get('content-type') === FHIR_JSON;
  if (isFhir || res.status === 304) res.headers.set('vary', VARIES);
  if (isFhir && isAnew(form)) answer(c, res, await written(await res.text(), form), form);
}

function answer(c: Context<FhirEnv>, { status, headers: before }: Response, text: string, form: Form): void {
  const body = new TextEncoder().encode(text);
  const headers = new Headers(before);
  headers.set('content-length', String(body.length));
  headers.set('vary', VARIES);
  if (form.xml) {
    headers.set('content-type', FHIR_XML);
    headers.set('content-security-policy', NOTHING_RUNS);
  }
  // what an answer is set over leaves its headers with it
  c.res = undefined;
  c.res = new Response(body, { status, headers });
}

/** So much at a time: some milliseconds. */
const AT_ONCE = 131_072;

async function written(json: string, form: Form): Promise<string> {
  let text = '';
  let paused = 0;
  for (const piece of form.xml ? xmlPieces(json, form.pretty) : prettyPieces(json)) {
    text += piece;
    if (text.length - paused < AT_ONCE) continue;
    paused = text.length;
    await new Promise((done) => setTimeout(done, 0));
  }
  return text;
}

// The directory in XML, for those who ask for it: every FHIR answer is made as JSON and written anew at the end.
// https://hl7.org/fhir/us/davinci-pdex-plan-net/STU1.2/CapabilityStatement-plan-net.html (SHOULD)
import type { Context, MiddlewareHandler } from 'hono';
import { FHIR_XML, xmlPieces } from '../src/fhir/xml.ts';
import { FHIR_JSON, type FhirEnv } from '../src/http/fhir-app.ts';
import { asksXml } from '../src/http/negotiate.ts';

/** Narratives of others are XHTML: a browser that is led here runs nothing of them. */
const NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'; sandbox";

/** Whoever keeps answers for others keeps one of each form. */
export const VARIES = { vary: 'accept' };

/** Runs around all that answers in FHIR. A handler that reads `_format` in a body tells by `xml`. */
export const xmlAnswers: MiddlewareHandler<FhirEnv> = async (c, next) => {
  await next();
  const { res } = c;
  if (res.status === 304) {
    res.headers.set('vary', VARIES.vary);
    return;
  }
  if (res.headers.get('content-type') !== FHIR_JSON) return;
  if (!isAsked(c)) {
    res.headers.set('vary', VARIES.vary);
    return;
  }
  const xml = new TextEncoder().encode(await xmlOf(await res.text()));
  const headers = new Headers(res.headers);
  headers.set('content-type', FHIR_XML);
  headers.set('content-length', String(xml.length));
  headers.set('content-security-policy', NOTHING_RUNS);
  headers.set('vary', VARIES.vary);
  // what an answer is set over leaves its headers with it
  c.res = undefined;
  c.res = new Response(xml, { status: res.status, headers });
};

/** So much at a time: some milliseconds. */
const AT_ONCE = 131_072;

/** A page of a thousand entries takes longer than others should wait. */
async function xmlOf(json: string): Promise<string> {
  let xml = '';
  let paused = 0;
  for (const piece of xmlPieces(json)) {
    xml += piece;
    if (xml.length - paused < AT_ONCE) continue;
    paused = xml.length;
    await new Promise((done) => setTimeout(done, 0));
  }
  return xml;
}

const isAsked = (c: Context<FhirEnv>): boolean =>
  c.get('xml') ?? asksXml(c.req.header('accept'), c.req.query('_format'));

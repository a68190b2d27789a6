// Pages that are not FHIR: the landing page of a node, and the staff pages.
import { html } from 'hono/html';
import { createStaff } from '../../exchange/staff/app.ts';
import { developmentAccount } from '../auth/staff-development.ts';
import type { OpenNode } from './node.ts';

type Page = (request: Request) => Response | Promise<Response>;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'public, max-age=300',
};

/** What this node is and where its doors are. */
export function landingPage(node: OpenNode): Page {
  const { planName, baseUrl, sandbox } = node.config;
  return async () => {
    const page = await html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${planName}: provider directory</title>
<style>body{font:1.05rem/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1.25rem;color:#1b2733;background:#fbfcfd}h1{font-size:1.7rem;line-height:1.25}a{color:#0b5394}code{background:#eef2f6;padding:.1em .35em;border-radius:.25em;overflow-wrap:anywhere}li{margin:.4rem 0}.note{border-left:.25rem solid #b45309;background:#fff7ed;padding:.6rem 1rem}</style></head>
<body><main><h1>${planName}</h1>${sandbox ? html`<p class="note">This is a sandbox. Every person, place and record in it is invented.</p>` : ''}
<p>The provider directory of this plan is open to everyone, without an account. It follows Da Vinci PDex Plan-Net 1.2.0 on FHIR R4.</p>
<ul><li><a href="/directory/fhir/metadata">What the directory can do</a> (CapabilityStatement)</li>
<li><a href="/directory/fhir/Practitioner?_count=10">Practitioners</a>, <a href="/directory/fhir/Organization?type=fac&amp;_count=10">facilities</a>, <a href="/directory/fhir/Organization?type=ntwk">networks</a>, <a href="/directory/fhir/InsurancePlan">plans</a></li>
<li>From a program: <code>curl '${baseUrl}/directory/fhir/PractitionerRole?_include=PractitionerRole:practitioner&amp;_count=5'</code></li></ul>
<p>Peer payers find the exchange at <a href="/exchange/fhir/metadata">/exchange/fhir</a>; staff sign in at <a href="/staff">/staff</a>.</p></main></body></html>`;
    return new Response(String(page), { headers: HEADERS });
  };
}

export type StaffPages = { page: Page; account: { user: string; password: string } | undefined };

/** The staff service of a node; in the sandbox with a development account of this start. */
export function staffPages(node: OpenNode): StaffPages {
  const account = developmentAccount(node.config);
  const app = createStaff(node.deps, account === undefined ? {} : { development: account });
  return { page: (request) => app.fetch(request), account };
}

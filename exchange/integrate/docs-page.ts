// GET /exchange/docs: how to be a client of this exchange, in requests that the tests run.
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { html } from '../../src/ui/html.ts';
import { documentText } from '../../src/ui/page.ts';
import { STYLE } from '../../src/ui/style.ts';
import { addresses } from '../plan.ts';
import { asCurl, EXAMPLES } from './examples.ts';
import { pageHeaders, STYLE_PATH, STYLESHEET, siteHeader } from './style.ts';

export function docsStyle() {
  return (c: Context<FhirEnv>): Response => {
    route(c, STYLE_PATH);
    return c.body(STYLE, 200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=3600' });
  };
}

export function docsPage(deps: Deps) {
  return (c: Context<FhirEnv>): Response => {
    route(c, '/exchange/docs');
    const here = addresses(deps.config);
    const { sandbox, planName, baseUrl } = deps.config;
    const register = sandbox
      ? html`<p>This is a sandbox: an administrator registers your client at <a href="/staff/peers">/staff/peers</a> or with <code>payer-node peer add</code>. Afterwards <code>${here.fhir}/$self-test?client=YOUR-CLIENT-ID</code> says, as page or JSON, which of the steps below your client has done and what was refused, and gives request bodies that find a member.</p>`
      : html`<p>Clients are registered by staff, with a second person’s approval. Send the address of your public keys (JWKS, https), your NPI and legal name. Our own public keys: <code>${here.clientJwks}</code>.</p>`;
    const steps = EXAMPLES.map(
      (e) =>
        html`<section class="box"><h2 id="e-${e.id}">${e.title}</h2><p>${e.text} Answer: ${e.expect}.</p><pre tabindex="0" role="region" aria-labelledby="e-${e.id}">${asCurl(e, baseUrl)}</pre></section>`,
    );
    const main = html`<p>For payers who ask this plan for their new members’ history. FHIR base: <code>${here.fhir}</code>. What is served: <a href="/exchange/fhir/metadata">CapabilityStatement</a>; routes beside FHIR: <a href="/exchange/openapi.json">OpenAPI</a>.</p>
<section class="box"><h2>Registration</h2>${register}<p>Not offered: UDAP, mTLS, DPoP. <code>/.well-known/udap</code> is 404.</p></section>
${steps}
<section class="box"><h2>When something is refused</h2><p>401: no valid token; get a new one once and try again. 403: the scopes of the token do not cover the request. 404: unknown, or not yours; both look the same. 422: no unique member, or the consent cannot be complied with. 429 and 503: come back after Retry-After. The body is an OperationOutcome; at the token endpoint it is an OAuth error.</p></section>`;
    const text = documentText({
      title: 'Payer-to-payer exchange for integrators',
      site: planName,
      style: STYLESHEET,
      header: siteHeader(planName, '/exchange/docs'),
      banner: sandbox ? 'Sandbox: all people, payers and records here are invented.' : undefined,
      main,
    });
    return c.body(text, 200, pageHeaders);
  };
}

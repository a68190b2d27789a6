// A node whose public address has a path, as `BASE_URL=https://api.example.org/payer`. Routes and pages know nothing of it: what comes is
// relieved of it and what goes is given it, here.

/** The path of the public address, without a slash at its end: `/payer`; nothing for an address that is an origin alone. */
export function basePath(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/+$/, '');
}

/**
 * A request's path and query as the routes know them. Who stands before the node may pass the path of the public address on or take it away:
 * it is taken away once, if it is there.
 * @param target `/payer/find?zip=60601`
 * @param path as {@link basePath} gives it
 */
export function withoutBase(target: string, path: string): string {
  if (path === '' || !target.startsWith(path)) return target;
  const rest = target.slice(path.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : target;
}

/** Attributes of our own pages that hold an address; in text and values a quotation mark is always escaped. */
const LOCAL = /\b(href|src|action|formaction)="\/(?!\/)/g;

/** An answer whose local addresses (redirects, links and forms of pages) stand under the path of the public address. */
export async function underBase(response: Response, path: string): Promise<Response> {
  if (path === '') return response;
  const location = response.headers.get('location');
  const isMoved = location !== null && /^\/(?!\/)/.test(location);
  const isPage = response.headers.get('content-type')?.startsWith('text/html') === true && response.body !== null;
  if (!isMoved && !isPage) return response;
  const headers = new Headers(response.headers);
  if (isMoved) headers.set('location', `${path}${location}`);
  if (!isPage) return new Response(response.body, { status: response.status, headers });
  headers.delete('content-length');
  const page = (await response.text()).replace(LOCAL, `$1="${path}/`);
  return new Response(page, { status: response.status, headers });
}

/** What answers a Worker's requests, under the path of its public address. */
export async function answerUnder(
  baseUrl: string,
  request: Request,
  answer: (request: Request) => Promise<Response>,
): Promise<Response> {
  const path = basePath(baseUrl);
  if (path === '') return answer(request);
  const url = new URL(request.url);
  url.pathname = withoutBase(url.pathname, path);
  return underBase(await answer(new Request(url, request)), path);
}

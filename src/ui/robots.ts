// What programs that read the web for search engines are asked to leave alone. https://www.rfc-editor.org/rfc/rfc9309
export const ROBOTS_PATH = '/robots.txt';

/** Searches have no end of addresses; files and resources have channels of their own; the rest is not for everybody. */
const SEARCHES = ['/find', '/answer', '/check'];
const REST = ['/directory/', '/all', '/publications/', '/attest/', '/staff', '/my/', '/exchange/'];

const ROBOTS = `User-agent: *\n${[
  ...SEARCHES,
  ...['/en', '/es'].flatMap((language) => SEARCHES.map((path) => `${language}${path}`)),
  ...REST,
]
  .map((path) => `Disallow: ${path}\n`)
  .join('')}`;

/** The file, to keep for a day. */
export const robotsAnswer = (): Response =>
  new Response(ROBOTS, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'public, max-age=86400',
      'x-content-type-options': 'nosniff',
    },
  });

// A whole HTML document: landmarks, one h1, a way past the navigation.
import { html, type Part, type Safe } from './html.ts';

export type Document = {
  title: string;
  /** what the window's bar says instead of the title */
  tab?: string | undefined;
  /** name of the place, after the title in the window's bar */
  site: string;
  /** of the texts; English when not said */
  language?: string;
  /** words of the way past the navigation, and name of the banner */
  skip?: string;
  notice?: string;
  /** what goes into the head besides: a link to the stylesheet, or the stylesheet itself */
  style: Safe;
  banner?: Part | undefined;
  header?: Part;
  /** the way from the start page to here */
  trail?: Part | undefined;
  main: Part;
  /** instead of title and `main`: markup with its own h1 */
  whole?: Safe | undefined;
  footer?: Part;
};

/** The text of a document, ready to send as UTF-8. */
export function documentText(d: Document): string {
  return `<!doctype html>\n${
    html`<html lang="${d.language ?? 'en'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${d.tab ?? d.title} · ${d.site}</title>${d.style}</head><body>
<a class="skip" href="#main">${d.skip ?? 'Skip to content'}</a>
${d.banner ? html`<aside class="banner" aria-label="${d.notice ?? 'Notice'}">${d.banner}</aside>` : ''}
${d.header}
<main id="main" tabindex="-1">
${d.trail ? html`<p class="trail">${d.trail}</p>` : ''}
${
  d.whole ??
  html`<h1>${d.title}</h1>
${d.main}`
}
</main>
${d.footer ? html`<footer>${d.footer}</footer>` : ''}
</body></html>
`.markup
  }`;
}

// /staff/texts/SHA256: the text that a member was shown, as it was then.
import { html } from '../../src/ui/html.ts';
import { textShown } from '../members/consent/text-shown.ts';
import { numberCell, timeCell } from './data/texts.ts';
import type { StaffRouter } from './router.ts';

export function texts(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  router.page('/staff/texts/:sha256', 'counts', async (visit) => {
    const text = await textShown(deps, visit.c.req.param('sha256') ?? '');
    if (!text) return router.notFound(visit, 'No such text was shown to anyone.');
    return router.show(visit, {
      title: 'Text shown to members',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: ['As it was shown. The SHA-256 is that of the paragraphs in UTF-8, with an empty line between them.'],
      before: html`<section class="box" lang="${text.language}">${text.body.split('\n\n').map((p) => html`<p>${p}</p>`)}</section>`,
      tables: [
        {
          name: 'text',
          caption: 'The text',
          columns: [
            { key: 'what', label: 'What', kind: 'head' },
            { key: 'value', label: 'Value' },
          ],
          rows: [
            [{ value: 'Text' }, { value: text.id, code: true }],
            [{ value: 'Version' }, { value: text.version }],
            [{ value: 'Language' }, { value: text.language }],
            [{ value: 'SHA-256' }, { value: text.sha256, code: true }],
            [{ value: 'First shown' }, timeCell(text.firstAt, timeZone)],
            [{ value: 'Choices given after it' }, numberCell(text.choices)],
            [{ value: 'Contacts with it' }, numberCell(text.contacts)],
          ],
          empty: '',
        },
      ],
      texts: [{ name: 'body', caption: 'The text, word for word', text: text.body }],
    });
  });
}

/** ODT, ODS, ODP (OASIS OpenDocument). */
import { Lines } from './lines.ts';
import { xmlCharacters } from './markup.ts';
import { type Reading, UnreadableError } from './reading.ts';
import { readXml } from './xml.ts';
import type { Zip } from './zip.ts';

/** Elements that do not divide words; those of paragraphs' content that do not stand here end a line. */
const INLINE = new Set([
  'span',
  'a',
  'bookmark',
  'bookmark-start',
  'bookmark-end',
  'soft-page-break',
  'ruby',
  'ruby-base',
]);
const SPACE = new Set(['s', 'tab']);
/** Where the text stands in each part: the body; headers and footers of the pages; title, subject and author. */
const PARTS: readonly (readonly [part: string, within: ReadonlySet<string>])[] = [
  ['meta.xml', new Set(['title', 'subject', 'description', 'keyword', 'creator', 'initial-creator'])],
  ['content.xml', new Set(['body'])],
  ['styles.xml', new Set(['header', 'footer', 'header-first', 'footer-first', 'header-left', 'footer-left'])],
];

export async function readOdf(zip: Zip, reading: Reading): Promise<void> {
  const { markup } = reading.budget.limits;
  const manifest = zip.find('META-INF/manifest.xml');
  if (manifest && encrypted(xmlCharacters(await zip.read(manifest, markup, true), reading))) {
    throw new UnreadableError('encrypted');
  }
  for (const [part, within] of PARTS) {
    const member = zip.find(part);
    if (!member || reading.full) continue;
    await reading.inside(part, async inner => {
      if (member.size > markup) inner.fail(`only ${markup} of ${member.size} octets are searched`);
      inner.add(textWithin(xmlCharacters(await zip.read(member, markup, true), inner), within));
    });
  }
}

function encrypted(manifest: string): boolean {
  let found = false;
  readXml(manifest, {
    open: name => {
      if (name === 'encryption-data') found = true;
    },
  });
  return found;
}

function textWithin(xml: string, within: ReadonlySet<string>): string {
  const lines = new Lines();
  let element = '';
  let inside = 0;
  readXml(xml, {
    open(name) {
      element = name;
      if (within.has(name)) inside++;
      if (SPACE.has(name)) lines.space();
      else if (!INLINE.has(name)) lines.end();
    },
    attribute(name, value) {
      if (inside > 0 && element === 'table' && name === 'name') {
        lines.text(value);
        lines.end();
      }
    },
    text(text) {
      if (inside > 0) lines.text(text);
    },
    close(name) {
      if (within.has(name)) inside = Math.max(0, inside - 1);
      if (!INLINE.has(name) && !SPACE.has(name)) lines.end();
    },
  });
  return lines.toString();
}

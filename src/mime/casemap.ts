/** Digraphs whose titlecase is neither their upper nor their lower case. */
const TITLECASE: Readonly<Record<string, string>> = {
  Ǆ: 'ǅ',
  ǅ: 'ǅ',
  ǆ: 'ǅ',
  Ǉ: 'ǈ',
  ǈ: 'ǈ',
  ǉ: 'ǈ',
  Ǌ: 'ǋ',
  ǋ: 'ǋ',
  ǌ: 'ǋ',
  Ǳ: 'ǲ',
  ǲ: 'ǲ',
  ǳ: 'ǲ',
};

const mapped = new Map<string, string>();
/** Characters remembered: more than any alphabet, fewer than an attack. */
const REMEMBERED = 20_000;

/**
 * Text as the collation i;unicode-casemap compares it (RFC 5051): each character in titlecase by its simple mapping,
 * then decomposed. Two texts are equal when the results are, and sort as the results do, octet by octet in UTF-8.
 */
export function titlecased(text: string): string {
  if (/^[\x01-\x7f]*$/.test(text)) return text.toUpperCase();
  let result = '';
  for (const character of text.toWellFormed().replaceAll('\0', '\ufffd')) {
    let value = mapped.get(character);
    if (value === undefined) {
      if (mapped.size >= REMEMBERED) mapped.clear();
      value = mapCharacter(character);
      mapped.set(character, value);
    }
    result += value;
  }
  return result;
}

function mapCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const title = TITLECASE[character];
  if (title !== undefined) return title.normalize('NFKD');
  // Georgian letters have capitals but no titlecase.
  if (code >= 0x10d0 && code <= 0x10ff) return character.normalize('NFKD');
  const upper = character.toUpperCase();
  if ([...upper].length === 1) return upper.normalize('NFKD');
  // Only the full mapping has several characters (ß, ligatures, iota subscript): by the simple one such a character
  // stays, or changes in its base letter alone.
  const [base = '', ...marks] = character.normalize('NFKD');
  const greek = code >= 0x1f80 && code <= 0x1fff;
  return (greek ? base.toUpperCase() : base) + marks.join('');
}

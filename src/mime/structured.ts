import { decodeCharset } from './charset.ts';
import { LIMITS } from './limits.ts';
import type { Parameter } from './types.ts';

/** Cursor over a structured field value (RFC 5322 section 3.2), one character an octet. */
export class Cursor {
  readonly text: string;
  position = 0;
  /** Content of the last comment passed over, unescaped. */
  comment = '';

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.position >= this.text.length;
  }

  peek(): string {
    return this.text.charAt(this.position);
  }

  /** Passes over white space and comments (CFWS). */
  skip(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a || code === 0) this.position++;
      else if (code === 0x28) this.#skipComment();
      else return;
    }
  }

  /** A comment, nested ones included; one without end runs to the end of the value. */
  #skipComment(): void {
    let depth = 0;
    let content = '';
    let from = this.position + 1;
    while (this.position < this.text.length) {
      const character = this.text.charAt(this.position);
      if (character === '\\') {
        content += this.text.slice(from, this.position);
        from = this.position + 1;
        this.position++;
      } else if (character === '(' && depth < LIMITS.comments) depth++;
      else if (character === ')' && --depth === 0) break;
      this.position++;
    }
    this.comment = content + this.text.slice(from, this.position);
    this.position++;
  }

  /** A run of characters that `stop` does not hold. */
  until(stop: RegExp): string {
    stop.lastIndex = this.position;
    const found = stop.exec(this.text);
    const end = found ? found.index : this.text.length;
    const run = this.text.slice(this.position, end);
    this.position = end;
    return run;
  }

  /** The quoted-string at the cursor, unescaped; one without end runs to the end of the value. */
  quoted(): string {
    let content = '';
    let from = ++this.position;
    for (; this.position < this.text.length; this.position++) {
      const character = this.text.charAt(this.position);
      if (character === '"') break;
      if (character === '\\') {
        content += this.text.slice(from, this.position);
        from = ++this.position;
      }
    }
    content += this.text.slice(from, this.position);
    this.position++;
    return content;
  }
}

/** `value *(";" name "=" value)` of RFC 2045 section 5.1 and RFC 2183. */
export interface ParameterisedValue {
  /** Lower case, without white space. */
  readonly value: string;
  /** Decoded and joined (RFC 2231); names in lower case. */
  readonly parameters: readonly Parameter[];
  /** As BODYSTRUCTURE shows them: joined, but extended values keep their `name*` and their encoding. */
  readonly wire: readonly Parameter[];
}

const VALUE_END = /[ \t\r\n();]/g;
const NAME_END = /[ \t\r\n=;(]/g;
const TOKEN_END = /[ \t\r\n;("]/g;

function readParameters(cursor: Cursor): [string, string][] {
  const parameters: [string, string][] = [];
  while (!cursor.atEnd && parameters.length < LIMITS.parameters) {
    cursor.skip();
    if (cursor.peek() === ';') {
      cursor.position++;
      continue;
    }
    const name = cursor.until(NAME_END);
    cursor.skip();
    if (cursor.peek() !== '=') {
      // Not a parameter: on to the next one.
      if (!cursor.atEnd && cursor.peek() !== ';') cursor.position++;
      continue;
    }
    cursor.position++;
    cursor.skip();
    const value = cursor.peek() === '"' ? cursor.quoted() : cursor.until(TOKEN_END);
    if (name !== '') parameters.push([name, value]);
  }
  return parameters;
}

/** One section of an RFC 2231 parameter: `name*`, `name*0`, `name*0*`. */
interface Section {
  readonly index: number;
  readonly extended: boolean;
  readonly value: string;
}

const SECTION = /^([^*]+)\*(?:(\d{1,9})(\*)?)?$/;

function percentDecode(value: string): Buffer {
  return Buffer.from(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

function percentEncode(value: string): string {
  return value.replace(/[^A-Za-z0-9!#$&+.^_`{|}~-]/g, character => {
    return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function joinSections(name: string, sections: Section[], decoded: [string, string][], wire: [string, string][]): void {
  sections.sort((a, b) => a.index - b.index);
  const run: Section[] = [];
  for (const section of sections) if (section.index === run.length) run.push(section);
  if (run.length === 0) {
    // The first section is missing: nothing to join, each stays as it was written.
    for (const section of sections)
      wire.push([`${name}*${section.index}${section.extended ? '*' : ''}`, section.value]);
    return;
  }
  if (!run.some(section => section.extended)) {
    const value = run.map(section => section.value).join('');
    decoded.push([name.toLowerCase(), value]);
    wire.push([name, value]);
    return;
  }
  const first = run[0];
  const prefix = first?.extended ? /^([^']*)'([^']*)'/.exec(first.value) : null;
  const bytes = run.map((section, index) => {
    const value = index === 0 && prefix ? section.value.slice(prefix[0].length) : section.value;
    return section.extended ? percentDecode(value) : Buffer.from(value, 'latin1');
  });
  decoded.push([name.toLowerCase(), decodeCharset(Buffer.concat(bytes), prefix?.[1] ?? '').text]);
  const text = run.map((section, index) => {
    if (section.extended) return index === 0 && !prefix && run.length > 1 ? `''${section.value}` : section.value;
    return (index === 0 ? "''" : '') + percentEncode(section.value);
  });
  wire.push([`${name}*`, text.join('')]);
}

/** Joins and decodes what RFC 2231 has cut and encoded. A plain value yields to the extended one of the same name. */
function join2231(raw: readonly [string, string][]): { decoded: [string, string][]; wire: [string, string][] } {
  const wire: [string, string][] = [];
  const plain: [string, string][] = [];
  const sections = new Map<string, { name: string; list: Section[] }>();
  for (const [name, value] of raw) {
    const match = SECTION.exec(name);
    if (!match) {
      plain.push([name.toLowerCase(), value]);
      wire.push([name, value]);
      continue;
    }
    const base = match[1] ?? name;
    const key = base.toLowerCase();
    let group = sections.get(key);
    if (!group) {
      group = { name: base, list: [] };
      sections.set(key, group);
    }
    const index = match[2] === undefined ? 0 : Number(match[2]);
    group.list.push({ index, extended: match[2] === undefined || match[3] === '*', value });
  }
  const decoded: [string, string][] = [];
  for (const { name, list } of sections.values()) joinSections(name, list, decoded, wire);
  const extended = new Set(decoded.map(([name]) => name));
  return { decoded: [...plain.filter(([name]) => !extended.has(name)), ...decoded], wire };
}

/** Reads a Content-Type or Content-Disposition value. Never throws: what cannot be read is left out. */
export function parseParameterised(text: string): ParameterisedValue {
  const cursor = new Cursor(text);
  cursor.skip();
  let value = cursor.until(VALUE_END);
  cursor.skip();
  // Blanks and comments may stand around the slash of a media type.
  if (cursor.peek() === '/' || value.endsWith('/')) {
    value += cursor.until(VALUE_END);
    cursor.skip();
    if (value.endsWith('/')) value += cursor.until(VALUE_END);
  }
  const raw = readParameters(cursor);
  if (!raw.some(([name]) => name.includes('*'))) {
    return { value: value.toLowerCase(), parameters: raw.map(([name, v]) => [name.toLowerCase(), v]), wire: raw };
  }
  const { decoded, wire } = join2231(raw);
  return { value: value.toLowerCase(), parameters: decoded, wire };
}

/** Value of the first parameter of that (lower-case) name. */
export function parameter(parameters: readonly Parameter[], name: string): string | undefined {
  return parameters.find(([key]) => key === name)?.[1];
}

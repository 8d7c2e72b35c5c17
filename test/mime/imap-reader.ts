/** Reads the data of IMAP responses: atoms, quoted strings, literals, NIL and lists, as nested arrays. */
export type ImapValue = string | null | ImapValue[];

export class ImapReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer | string) {
    this.#bytes = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  }

  get rest(): string {
    return this.#bytes.toString('latin1', this.#position);
  }

  #peek(): string {
    return this.#bytes.toString('latin1', this.#position, this.#position + 1);
  }

  value(): ImapValue {
    while (this.#peek() === ' ') this.#position++;
    switch (this.#peek()) {
      case '(':
        return this.#list();
      case '"':
        return this.#quoted();
      case '{':
        return this.#literal();
      default:
        return this.#atom();
    }
  }

  #list(): ImapValue[] {
    const list: ImapValue[] = [];
    this.#position++;
    for (;;) {
      while (this.#peek() === ' ') this.#position++;
      if (this.#peek() === ')') break;
      if (this.#peek() === '') throw new Error('list without end');
      list.push(this.value());
    }
    this.#position++;
    return list;
  }

  #quoted(): string {
    let text = '';
    for (this.#position++; this.#peek() !== '"'; this.#position++) {
      if (this.#peek() === '\\') this.#position++;
      if (this.#peek() === '') throw new Error('quoted string without end');
      text += this.#peek();
    }
    this.#position++;
    return text;
  }

  #literal(): string {
    const end = this.#bytes.indexOf('}\r\n', this.#position);
    const length = Number(this.#bytes.toString('latin1', this.#position + 1, end));
    this.#position = end + 3 + length;
    return this.#bytes.toString('latin1', end + 3, this.#position);
  }

  /** Atoms of FETCH may hold brackets with blanks and parentheses in them. */
  #atom(): string | null {
    const from = this.#position;
    let brackets = 0;
    for (;;) {
      const character = this.#peek();
      if (character === '' || (brackets === 0 && /[ ()\r\n]/.test(character))) break;
      if (character === '[') brackets++;
      if (character === ']') brackets--;
      this.#position++;
    }
    const atom = this.#bytes.toString('latin1', from, this.#position);
    if (atom === '') throw new Error(`no value at ${this.rest.slice(0, 40)}`);
    return atom === 'NIL' ? null : atom;
  }
}

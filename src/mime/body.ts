/**
 * BODY out of BODYSTRUCTURE, which is the same with extension data (RFC 3501 section 7.4.2): few clients ask for it.
 * @param bodyStructure as `renderBodyStructure` makes it
 */
export function bodyOf(bodyStructure: string): string {
  return new Reader(bodyStructure).node();
}

class Reader {
  readonly #text: string;
  /** A quoted string, a parenthesis, or a number or NIL, with the space before it. */
  readonly #token = / ?(?:"(?:[^"\\]+|\\.)*"|[()]|[^ ()"]+)/y;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The node at the position, in its parentheses, without extension data. */
  node(): string {
    this.#at += 1;
    let body = '';
    if (this.#text[this.#at] === '(') {
      while (this.#text[this.#at] === '(') body += this.node();
      // The subtype.
      body += this.#values(1);
    } else {
      // Type, subtype, parameters, id, description, encoding, size.
      body = this.#values(7);
      if (/^"message" "rfc822" /i.test(body)) {
        body += `${this.#values(1)} `;
        this.#at += 1;
        body += this.node() + this.#values(1);
      } else if (/^"text" /i.test(body)) body += this.#values(1);
    }
    while (this.#at < this.#text.length && this.#text[this.#at] !== ')') this.#values(1);
    this.#at += 1;
    return `(${body})`;
  }

  /** So many values; a list is one. */
  #values(count: number): string {
    const start = this.#at;
    for (let left = count; left > 0; left--) {
      let depth = 0;
      do {
        this.#token.lastIndex = this.#at;
        const token = this.#token.exec(this.#text)?.[0];
        if (token === undefined) throw new Error('no BODYSTRUCTURE');
        this.#at += token.length;
        if (token.at(-1) === '(') depth += 1;
        else if (token.at(-1) === ')') depth -= 1;
      } while (depth > 0);
    }
    return this.#text.slice(start, this.#at);
  }
}

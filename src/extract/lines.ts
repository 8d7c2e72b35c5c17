/** Gathers text in lines: white space collapsed, no line empty. */
export class Lines {
  readonly #pieces: string[] = [];
  #length = 0;

  /** UTF-16 units taken so far. */
  get length(): number {
    return this.#length;
  }

  text(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
  }

  space(): void {
    this.#pieces.push(' ');
  }

  end(): void {
    this.#pieces.push('\n');
  }

  toString(): string {
    return tidy(this.#pieces.join(''));
  }
}

/** White space collapsed, lines trimmed, empty ones dropped, invisible characters that split words removed. */
export function tidy(text: string): string {
  return text
    .replace(/[\u00ad\u200b\u2060\ufeff\0]/g, '')
    .replace(/[^\S\n\u2028\u2029]+/g, ' ')
    .replace(/ ?[\n\u2028\u2029][\s]*/g, '\n')
    .trim();
}

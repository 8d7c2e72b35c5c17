/** Some of an account's messages, as a query takes them. */
export type Parameter = string | number | Uint8Array;

/** A condition on `entry e`, with its parameters in order. */
export interface Condition {
  readonly sql: string;
  readonly parameters: readonly Parameter[];
  /** The same said otherwise: listed in the source, and the rest of the condition. */
  readonly listed?: { readonly source: Source; readonly rest: Condition };
}

/** Where messages are listed. */
interface Source {
  readonly table: string;
  /** Expression on a row of it that tells the message. */
  readonly message: string;
  readonly parameters: readonly Parameter[];
}

export const ALL: Condition = { sql: '1', parameters: [] };

/** With fewer messages to one that is in the set, each is looked up by itself. */
const MANY = 8;

export class MessageSet {
  /** By id: 1 for a message that is in the set. */
  readonly marks: Uint8Array;

  /** @param last the largest id */
  constructor(last: number) {
    this.marks = new Uint8Array(last + 1);
  }

  add(message: number): void {
    this.marks[message] = 1;
  }

  has(message: number): boolean {
    return this.marks[message] === 1;
  }

  /** Ascending. */
  list(): number[] {
    const found: number[] = [];
    for (let at = this.marks.indexOf(1); at !== -1; at = this.marks.indexOf(1, at + 1)) found.push(at);
    return found;
  }

  #count(): number {
    let count = 0;
    for (let message = 0; message < this.marks.length; message++) count += this.marks[message] as number;
    return count;
  }

  /** That an entry's message is in the set. */
  condition(): Condition {
    const count = this.#count();
    // Ids begin with 1.
    if (count === this.marks.length - 1) return ALL;
    if (count * MANY > this.marks.length) {
      // Counted from 1.
      return { sql: "substr(?, e.message, 1) = x'01'", parameters: [this.marks.subarray(1)] };
    }
    const parameters = [JSON.stringify(this.list())];
    return {
      sql: 'e.message IN (SELECT value FROM json_each(?))',
      parameters,
      listed: {
        source: { table: 'json_each(?) l', message: 'l.value', parameters },
        rest: { sql: '1', parameters: [] },
      },
    };
  }
}

import { SyntaxFailure } from '../errors.ts';
import type { Parser } from '../wire/parser.ts';

/** What a LIST response says (RFC 3501 section 7.2.2). */
interface ListAnswer {
  readonly flags: readonly string[];
  /** null: the folder has no levels. */
  readonly delimiter: string | null;
  /** The octets of the wire. */
  readonly name: string;
}

/** @param parsers each behind `* LIST`; a response that is none of the grammar is left out */
export function listAnswers(parsers: readonly Parser[]): ListAnswer[] {
  return parsers.flatMap(parser => {
    try {
      return [listAnswer(parser)];
    } catch (error) {
      if (error instanceof SyntaxFailure) return [];
      throw error;
    }
  });
}

function listAnswer(parser: Parser): ListAnswer {
  parser.space();
  const flags = parser.list(() => parser.flag());
  parser.space();
  const delimiter = parser.nstring();
  parser.space();
  return { flags, delimiter, name: parser.astring() };
}

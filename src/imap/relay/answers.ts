import { LIMITS } from '../wire/limits.ts';
import { literalMark } from '../wire/literal.ts';
import { Parser } from '../wire/parser.ts';
import type { Segment } from '../wire/reader.ts';
import type { Disposition, ResponseSink } from './splitter.ts';

/**
 * Gathers the untagged responses of one kind that answer a command of ours, literals included, each as a parser that
 * stands behind `* KIND`.
 */
export class AnswerCollector {
  readonly answers: Parser[] = [];
  readonly #prefix: string;
  #held = 0;

  /** @param kind `LIST`, `NAMESPACE` ... */
  constructor(kind: string) {
    this.#prefix = `* ${kind} `;
  }

  readonly capture = (line: Buffer): Disposition | null => {
    const start = line.toString('latin1', 0, this.#prefix.length).toUpperCase();
    return start === this.#prefix ? this.#sink() : null;
  };

  #sink(): ResponseSink {
    const segments: Segment[] = [];
    let pieces: Buffer[] = [];
    return {
      line: (text, literal) => {
        if (segments.length > 0) segments.push({ kind: 'literal', octets: Buffer.concat(pieces), binary: true });
        pieces = [];
        const markLength = literal === null ? 0 : (literalMark(text)?.markLength ?? 0);
        segments.push({ kind: 'text', octets: text.subarray(0, text.length - markLength), binary: false });
        this.#hold(text.length);
      },
      data: octets => {
        pieces.push(octets);
        this.#hold(octets.length);
        return undefined;
      },
      end: () => {
        this.answers.push(new Parser(segments, this.#prefix.length - 1));
        return undefined;
      },
    };
  }

  #hold(size: number): void {
    this.#held += size;
    if (this.#held > LIMITS.upstreamAnswer) throw new Error('upstream answer too large');
  }
}

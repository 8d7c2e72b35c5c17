import type { UpstreamFolder } from '../../store/types.ts';
import type { ForwardHooks } from './forward.ts';
import type { TaggedAnswer } from './upstream.ts';

/** What is selected upstream, as far as the answers so far tell. */
export class UpstreamSelection {
  /** `opening` while the answer to a SELECT is awaited. */
  #folder: 'none' | 'opening' | 'read-write' | 'read-only' = 'none';
  /** SELECTs that the upstream has not answered. */
  #opening = 0;
  #opened: UpstreamFolder | null = null;

  get none(): boolean {
    return this.#folder === 'none';
  }

  get readOnly(): boolean {
    return this.#folder === 'read-only';
  }

  /** The folder of the last SELECT as the archive knows it; null until the upstream has told its UIDVALIDITY. */
  get opened(): UpstreamFolder | null {
    return this.#opened;
  }

  /** A SELECT or EXAMINE goes upstream: from the first response on, the folder's data is the client's. */
  begin(folder: string | null): Required<Pick<ForwardHooks, 'capture' | 'answered'>> {
    this.#folder = 'opening';
    this.#opening++;
    this.#opened = null;
    return {
      capture: line => {
        const uidValidity = /^\* OK \[UIDVALIDITY (\d+)\]/i.exec(line.toString('latin1', 0, 64))?.[1];
        if (uidValidity !== undefined && folder !== null) this.#opened = { folder, uidValidity: Number(uidValidity) };
        return null;
      },
      answered: answer => {
        this.#opening--;
        if (answer.status !== 'OK') this.#now('none');
        else this.#now(/^\[READ-ONLY\]/i.test(answer.text) ? 'read-only' : 'read-write');
      },
    };
  }

  /** A CLOSE or UNSELECT has been answered. */
  readonly closed = (answer: TaggedAnswer): void => {
    if (answer.status === 'OK') this.#now('none');
  };

  /** Nothing is selected any more, whatever the upstream still says. */
  leave(): void {
    this.#folder = 'none';
  }

  /** Answers will not come. A SELECT that fails leaves nothing selected (RFC 3501 section 6.3.1). */
  lost(): void {
    this.#opening = 0;
    if (this.#folder === 'opening') this.#folder = 'none';
  }

  /** An answer says what is selected now, unless the client has gone on to the next folder already. */
  #now(folder: 'none' | 'read-write' | 'read-only'): void {
    this.#folder = this.#opening > 0 ? 'opening' : folder;
  }
}

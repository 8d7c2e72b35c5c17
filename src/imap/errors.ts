/** Failures of a command, in the three classes that the dispatcher tells apart; all else is a server error. */

/** The command cannot be understood: tagged BAD. */
export class SyntaxFailure extends Error {
  override readonly name = 'SyntaxFailure';
}

/** The command was understood and is refused: tagged NO with a response code of RFC 5530. The text is the user's. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string | null;
  constructor(code: string | null, text: string) {
    super(text);
    this.code = code;
  }
}

/** The connection must end: untagged BYE, nothing after it. */
export class FatalFailure extends Error {
  override readonly name = 'FatalFailure';
  readonly code: string | null;
  constructor(code: string | null, text: string) {
    super(text);
    this.code = code;
  }
}

/** The peer is gone: nobody is left to be told. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';
  constructor() {
    super('connection closed');
  }
}

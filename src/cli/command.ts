import type { Argv, CommandModule } from 'yargs';

/** Exit codes: the contract of every command. */
export const GOOD = 0;
export const FAULT = 1;
export const WRONG_USE = 2;

/** Where a command writes: results on stdout, logs and progress on stderr. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
}

/** A failure with its exit code; its message is all that the user needs to see. */
export class CliError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

export interface CommandDefinition<T> {
  /** In yargs' notation: `inspect <file>`. */
  readonly command: string | readonly string[];
  readonly describe: string;
  readonly options: (yargs: Argv) => Argv<T>;
  /** Resolves with the exit code. Imports what is heavy by itself, so that other commands start without it. */
  readonly run: (args: T, io: Io) => Promise<number>;
}

/** Turns a definition into what yargs takes; `done` learns the exit code. */
export type CommandFactory = (io: Io, done: (exitCode: number) => void) => CommandModule;

export function defineCommand<T>(definition: CommandDefinition<T>): CommandFactory {
  return (io, done) => ({
    command: definition.command,
    describe: definition.describe,
    builder: yargs => definition.options(yargs),
    // yargs has checked and converted the arguments by the builder that gave T.
    handler: async args => done(await definition.run(args as unknown as T, io)),
  });
}

/** `--config FILE`, which every command needs that works on a configured installation. */
export function withConfig(yargs: Argv) {
  return yargs.option('config', {
    type: 'string',
    demandOption: true,
    requiresArg: true,
    describe: 'configuration file (YAML)',
  });
}

export function withJson<T>(yargs: Argv<T>) {
  return yargs.option('json', {
    type: 'boolean',
    default: false,
    describe: 'one JSON document on stdout, everything else on stderr',
  });
}

/** The result of a command: one JSON document, or lines for a person. */
export function present(io: Io, json: boolean, document: unknown, lines: () => readonly string[]): void {
  io.out(
    json
      ? `${JSON.stringify(document, null, 2)}\n`
      : lines()
          .map(line => `${line}\n`)
          .join(''),
  );
}

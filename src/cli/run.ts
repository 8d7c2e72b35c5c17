import yargs from 'yargs';
import { CliError, type Io, WRONG_USE } from './command.ts';
import { commands } from './commands/index.ts';

/** Runs one command line. Resolves with the exit code: 0 good, 1 found a fault, 2 wrong use. Never rejects. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  const parser = yargs([...argv])
    .scriptName('archivia')
    .usage('$0 <command>\n\nAn archive with conservation in front of a PEC mailbox. Without a command: the demo.')
    .locale('en')
    .strict()
    .version(false)
    .help()
    .alias('help', 'h')
    .wrap(100)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new CliError(WRONG_USE, `${message}\nTry "archivia --help".`);
    });
  for (const command of commands) {
    parser.command(
      command(io, code => {
        exitCode = code;
      }),
    );
  }
  try {
    // With a callback yargs writes nothing by itself.
    await parser.parseAsync([...argv], {}, (_error: unknown, _args: unknown, output: string) => {
      if (output !== '') io.out(`${output}\n`);
    });
    return exitCode;
  } catch (error) {
    return report(error, io);
  }
}

function report(error: unknown, io: Io): number {
  if (!(error instanceof Error)) {
    io.err(`${String(error)}\n`);
    return 1;
  }
  if ('exitCode' in error && typeof error.exitCode === 'number') {
    io.err(`${error.message}\n`);
    return error.exitCode;
  }
  const expected = 'code' in error && typeof error.code === 'string';
  io.err(`${expected ? error.message : (error.stack ?? error.message)}\n`);
  return 1;
}

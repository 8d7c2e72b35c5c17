#!/usr/bin/env node
import { runCli } from './run.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
});
// Everything has been closed by now; a handle that somebody forgot must not keep the process for ever.
setTimeout(() => process.exit(), 1_000).unref();

import type { CommandFactory } from '../command.ts';
import { account } from './account.ts';
import { backup } from './backup.ts';
import { conservation } from './conservation.ts';
import { conserve } from './conserve.ts';
import { demo } from './demo.ts';
import { dip } from './dip.ts';
import { doctor } from './doctor.ts';
import { exportAll } from './export.ts';
import { health } from './health.ts';
import { importMessages } from './import.ts';
import { inspect } from './inspect.ts';
import { rebuild } from './rebuild.ts';
import { rekey } from './rekey.ts';
import { restore } from './restore.ts';
import { serve } from './serve.ts';
import { space } from './space.ts';
import { verify } from './verify.ts';

/** In the order in which --help lists them. */
export const commands: readonly CommandFactory[] = [
  serve,
  demo,
  account,
  importMessages,
  space,
  inspect,
  verify,
  rebuild,
  backup,
  restore,
  rekey,
  conserve,
  conservation,
  dip,
  exportAll,
  doctor,
  health,
];

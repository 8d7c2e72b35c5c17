import type { CommandFactory } from '../command.ts';
import { account } from './account.ts';
import { conserve } from './conserve.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { health } from './health.ts';
import { inspect } from './inspect.ts';
import { serve } from './serve.ts';
import { verify } from './verify.ts';

/** In the order in which --help lists them. */
export const commands: readonly CommandFactory[] = [serve, demo, account, inspect, verify, conserve, doctor, health];

import type { Command } from './command.ts';
import { create } from './commands/create.ts';
import { drain } from './commands/drain.ts';
import { exportCommand } from './commands/export.ts';
import { get } from './commands/get.ts';
import { importCommand } from './commands/import.ts';
import { list } from './commands/list.ts';
import { maintenance } from './commands/maintenance.ts';
import { pause, remove, resume } from './commands/on-tasks.ts';
import { position } from './commands/position.ts';
import { proxy } from './commands/proxy.ts';

/** All commands, in the order in which they are listed. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['create', create],
  ['list', list],
  ['get', get],
  ['position', position],
  ['pause', pause],
  ['resume', resume],
  ['delete', remove],
  ['maintenance', maintenance],
  ['proxy', proxy],
  ['drain', drain],
  ['export', exportCommand],
  ['import', importCommand],
]);

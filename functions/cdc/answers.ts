import { z } from 'zod';
import { reasonSchema } from '#shared/task/run.ts';
import { dryRunSchema } from './dry-run.ts';
import { positionsSchema } from './position.ts';
import type { RequestType } from './requests.ts';
import { taskStatusSchema } from './task-status.ts';
import { taskViewSchema } from './view.ts';

const created = z.strictObject({ task_id: z.string() });

/** `data` of each request type's success; undefined where there is nothing to say. The tests of the API hold every answer
 *  to this, and the OpenAPI document is made of it. */
export const ANSWERS = {
  create: z.union([created, dryRunSchema]),
  delete: undefined,
  get: z.strictObject({ task: taskViewSchema }),
  list: z.strictObject({ tasks: z.array(taskViewSchema) }),
  maintenance: z.strictObject({ State: z.string().describe('What happened, also when nothing did') }),
  pause: undefined,
  position: positionsSchema,
  resume: undefined,
} as const satisfies Record<RequestType, z.ZodType | undefined>;

/** Parts of answers that the document names. */
export const ANSWER_PARTS: Readonly<Record<string, z.ZodType>> = {
  DryRun: dryRunSchema,
  Reason: reasonSchema,
  Task: taskViewSchema,
  TaskStatus: taskStatusSchema,
};

import { z } from 'zod';
import { targetAddress } from '../answers.ts';
import { UsageError } from '../failures.ts';

/** What `export` writes and `import` reads. It holds no credential. People may edit it: the create is the request of
 *  functions/cdc/API.md. */
const exportedTask = z.object({
  create: z.looseObject({
    task_id: z.string().min(1),
    milvus_connect_param: targetAddress,
  }),
  state: z.enum(['Running', 'Paused']),
  /** True: the task has a login at its target, which the import has to be given. */
  credentials: z.boolean(),
  /** Where the task stood. */
  positions: z
    .object({
      /** Positions speak of what this target holds, and mean nothing at another. */
      target: z.string(),
      start: z.record(z.string(), z.string()),
    })
    .optional(),
  /** Tasks whose collections it leaves out: they have to exist before it does. */
  after: z.array(z.string()),
  /** What the task replicated when it was exported: `db.name` of the source. */
  collections: z.array(z.string()),
  /** What the person who imports should know; one sentence each. */
  notes: z.array(z.string()),
});

const taskFile = z.object({
  format: z.literal('milvus-cdc-tasks/1'),
  exported_at: z.iso.datetime(),
  from: z.string(),
  tasks: z.array(exportedTask),
});

/** As read: zero values are filled in. */
export type TaskFile = z.output<typeof taskFile>;
export type ExportedTask = z.output<typeof exportedTask>;
/** As written. */
export type TaskFileToWrite = z.input<typeof taskFile>;
export type TaskToWrite = z.input<typeof exportedTask>;

/** Fails with {@link UsageError}, which names what is wrong with the file. */
export function parseTaskFile(text: string, name: string): TaskFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${name} is not JSON`, { cause });
  }
  const { success, data, error } = taskFile.safeParse(json);
  if (success) return data;
  const [issue] = error.issues;
  throw new UsageError(
    `${name} is not what export writes: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

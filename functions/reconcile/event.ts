import { z } from 'zod';
import { REPLICATOR_ENV } from '#shared/names.ts';

/** What an invocation of the reconciler is about: one task, the work of each hour, or, for every other event, all tasks. */
export type Occasion =
  | { readonly kind: 'task'; readonly taskId: string }
  | { readonly kind: 'hourly' }
  | { readonly kind: 'sweep' };

/** An "ECS Task State Change" event of EventBridge, as far as it tells which task of ours it is about: a replicator is
 *  started with its ids as overrides of its environment.
 *  https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html */
const ecsEventSchema = z.object({
  source: z.literal('aws.ecs'),
  detail: z.object({
    overrides: z.object({
      containerOverrides: z.array(
        z.object({ environment: z.array(z.object({ name: z.string(), value: z.string() })).optional() }),
      ),
    }),
  }),
});

const hourlySchema = z.object({ kind: z.literal('hourly') });

export function occasionOf(event: unknown): Occasion {
  if (hourlySchema.safeParse(event).success) return { kind: 'hourly' };
  const parsed = ecsEventSchema.safeParse(event);
  const overrides = parsed.success ? parsed.data.detail.overrides.containerOverrides : [];
  const taskId = overrides
    .flatMap(({ environment = [] }) => environment)
    .find(({ name }) => name === REPLICATOR_ENV.taskId)?.value;
  return taskId === undefined ? { kind: 'sweep' } : { kind: 'task', taskId };
}

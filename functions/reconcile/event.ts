import { z } from 'zod';
import { REPLICATOR_ENV } from '#shared/names.ts';

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

/** The task that an event is about; undefined for every other event, the schedule's for one. */
export function taskIdOf(event: unknown): string | undefined {
  const parsed = ecsEventSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const variables = parsed.data.detail.overrides.containerOverrides.flatMap((c) => c.environment ?? []);
  return variables.find((v) => v.name === REPLICATOR_ENV.taskId)?.value;
}

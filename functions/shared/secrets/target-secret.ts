import { z } from 'zod';
import { CorruptItemError } from '../store/task-store.ts';
import type { UserSecrets } from '../task/task.ts';
import type { TargetSecret } from './secret-store.ts';

const targetSecretSchema = z.object({ token: z.string(), clientKeyPem: z.string().optional() });

/** What {@link parseTargetSecret} reads. */
export function formatTargetSecret(secret: TargetSecret): string {
  return JSON.stringify(targetSecretSchema.parse(secret));
}

/** Fails with `CorruptItemError`, which says where it stands and never what it holds. */
export function parseTargetSecret(text: string, where: string): TargetSecret {
  try {
    return targetSecretSchema.parse(JSON.parse(text));
  } catch {
    throw new CorruptItemError(`${where} cannot be read`);
  }
}

/** The credentials to log in with: what is stored with the task, completed by the values of the user's own secrets. */
export function completeSecret(
  stored: TargetSecret | undefined,
  values: UserSecrets | undefined,
): TargetSecret | undefined {
  if (values === undefined) return stored;
  return {
    token: values.token ?? `${stored?.token ?? ''}${values.password ?? ''}`,
    clientKeyPem: values.clientKeyPem ?? stored?.clientKeyPem,
  };
}

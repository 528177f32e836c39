import type { Logger } from '#shared/log.ts';
import type { SqliteSecretStore } from '#shared/secrets/sqlite-secret-store.ts';
import type { TaskStore } from '#shared/store/task-store.ts';

/** Removes credentials that no task refers to: a control plane that was killed between storing them and storing their
 *  task leaves them behind. Called while this process alone may create tasks, and creates none. */
export async function forgetOrphans(options: {
  readonly tasks: Pick<TaskStore, 'listTasks' | 'listTombstones'>;
  readonly secrets: Pick<SqliteSecretStore, 'refs' | 'delete'>;
  readonly log: Logger;
}): Promise<void> {
  const { tasks, secrets, log } = options;
  try {
    const all = [...(await tasks.listTasks()), ...(await tasks.listTombstones())];
    const used = new Set(all.map(({ secretRef }) => secretRef));
    const orphans = (await secrets.refs()).filter((ref) => !used.has(ref));
    for (const ref of orphans) await secrets.delete(ref);
    if (orphans.length > 0) log.info({ count: orphans.length }, 'credentials without a task removed');
  } catch (error) {
    // A task that cannot be read may be theirs. They stay until the next start.
    log.warn({ err: error }, 'credentials without a task were not looked for');
  }
}

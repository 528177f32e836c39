import { UsageError } from './failures.ts';

/** The one task id of a command line. Fails with {@link UsageError}. */
export function oneId(positionals: readonly string[]): string {
  const [id, ...more] = someIds(positionals);
  if (more.length > 0) throw new UsageError(`one task id is expected, not ${positionals.length}`);
  return id;
}

/** The task ids of a command line, at least one. Fails with {@link UsageError}. */
export function someIds(positionals: readonly string[]): readonly [string, ...string[]] {
  const [id, ...more] = positionals;
  if (id === undefined) throw new UsageError('give the id of a task; list shows them');
  return [id, ...more];
}

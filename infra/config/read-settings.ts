import type { Given } from './given.ts';
import type { Problems } from './problems.ts';
import { isSetting, type SettingTree, type Values } from './setting.ts';

/** Reads each setting by itself, so that one that is wrong does not hide the next. Where one is wrong, its default
 *  stands in and `problems` knows. */
export function readSettings<Tree extends SettingTree>(
  tree: Tree,
  given: Pick<Given, 'values'>,
  problems: Problems,
): Values<Tree> {
  const read = (node: SettingTree, before: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(node).map(([name, member]) => {
        const path = before + name;
        if (!isSetting(member)) return [name, read(member, `${path}.`)];
        const parsed = member.schema.safeParse(given.values.get(path));
        if (parsed.success) return [name, parsed.data];
        // One sentence per setting, also when several members of a list are wrong.
        problems.refuse(path, parsed.error.issues[0]?.message ?? 'is wrong');
        return [name, member.schema.safeParse(undefined).data];
      }),
    );
  return read(tree, '') as Values<Tree>;
}

import { UsageError } from './failures.ts';

export interface CreateFlags {
  readonly id?: string | undefined;
  readonly target?: string | undefined;
  readonly token?: string | undefined;
  readonly collections: readonly string[];
  readonly all: boolean;
  readonly maps: readonly string[];
  readonly role: boolean;
  readonly dryRun: boolean;
  readonly timeoutSeconds?: number | undefined;
}

interface NameMapping {
  readonly source_db: string;
  readonly target_db: string;
  collection_mapping?: Record<string, string>;
}

interface Name {
  readonly database: string;
  /** Undefined: a database. */
  readonly collection?: string | undefined;
}

const DEFAULT_DATABASE = 'default';

/** `request_data` of a create out of flags. Fails with {@link UsageError}. Pure. */
export function createRequestOf(flags: CreateFlags): object {
  if (flags.target === undefined) throw new UsageError('give --target URI, or --file with a whole request');
  const names = flags.all ? [...flags.collections, '*.*'] : flags.collections;
  if (names.length === 0) throw new UsageError('say what to replicate: --collection db.name, or --all');
  const mapping = mappingsOf(flags.maps);
  return {
    ...(flags.id === undefined ? {} : { task_id: flags.id }),
    milvus_connect_param: {
      uri: flags.target,
      ...(flags.token === undefined ? {} : { token: flags.token }),
      ...(flags.timeoutSeconds === undefined ? {} : { connect_timeout: flags.timeoutSeconds }),
    },
    ...scopeMembers(names.map(collectionName)),
    ...(mapping.length === 0 ? {} : { name_mapping: mapping }),
    ...(flags.role ? { extra_info: { enable_user_role: true } } : {}),
    ...(flags.dryRun ? { dry_run: true } : {}),
  };
}

/** Collections of the default database only are asked for in the plainer form. */
function scopeMembers(names: readonly Required<Name>[]): object {
  const byDatabase: Record<string, { name: string }[]> = {};
  for (const { database, collection } of names) {
    byDatabase[database] ??= [];
    byDatabase[database].push({ name: collection ?? '*' });
  }
  const { [DEFAULT_DATABASE]: plain, ...others } = byDatabase;
  return plain !== undefined && Object.keys(others).length === 0
    ? { collection_infos: plain }
    : { db_collections: byDatabase };
}

/** `name` is of the default database. */
function collectionName(text: string): Required<Name> {
  const { database, collection } = nameOf(text, '--collection');
  return collection === undefined
    ? { database: DEFAULT_DATABASE, collection: database }
    : { database, collection };
}

function mappingsOf(maps: readonly string[]): NameMapping[] {
  const mappings = new Map<string, NameMapping>();
  for (const map of maps) {
    const [left, right, ...more] = map.split('=');
    if (left === undefined || right === undefined || more.length > 0) {
      throw new UsageError(`--map ${map} is not of the form source=target`);
    }
    const [source, target] = [nameOf(left, '--map'), nameOf(right, '--map')];
    const whole = source.collection === undefined;
    if (whole !== (target.collection === undefined)) {
      throw new UsageError(`--map ${map}: both sides are databases, or both are db.collection`);
    }
    const key = JSON.stringify([source.database, target.database, whole]);
    const mapping = mappings.get(key) ?? { source_db: source.database, target_db: target.database };
    if (source.collection !== undefined && target.collection !== undefined) {
      mapping.collection_mapping = { ...mapping.collection_mapping, [source.collection]: target.collection };
    }
    mappings.set(key, mapping);
  }
  return [...mappings.values()];
}

/** Names in Milvus hold no dots. */
function nameOf(text: string, option: string): Name {
  const parts = text.split('.');
  const [database, collection] = parts;
  if (parts.length > 2 || !database || collection === '') {
    throw new UsageError(`${option} ${text}: a collection is name, or db.name`);
  }
  return { database, collection };
}

import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Key } from './keys.ts';

/** An item by attribute, in JavaScript's types. */
export type Item = Readonly<Record<string, unknown>>;

/** A condition, an update or both. `names` and `values` without their `#` and `:`. */
export interface Expression {
  readonly update?: string | undefined;
  readonly condition?: string | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>> | undefined;
}

/** One statement of a transaction. */
export type Statement =
  | { readonly put: Item; readonly when?: Expression | undefined }
  | { readonly update: Key; readonly by: Expression }
  | { readonly delete: Key; readonly when: Expression }
  | { readonly delete: Key }
  | { readonly check: Key; readonly when: Expression };

/** A statement as the SDK takes it. A failed condition answers with the item as it was. */
export function transactItem(TableName: string, statement: Statement): TransactWriteItem {
  if ('put' in statement) {
    const Item = marshall(statement.put, { removeUndefinedValues: true });
    return { Put: { TableName, Item, ...conditional(statement.when) } };
  }
  if ('update' in statement) {
    const Key = marshall(statement.update);
    const { update, condition } = statement.by;
    const by = { UpdateExpression: update, ConditionExpression: condition, ...texts(statement.by), ...OLD };
    return { Update: { TableName, Key, ...by } };
  }
  if ('delete' in statement) {
    const Key = marshall(statement.delete);
    return { Delete: { TableName, Key, ...conditional('when' in statement ? statement.when : undefined) } };
  }
  const { condition } = statement.when;
  const Key = marshall(statement.check);
  return {
    ConditionCheck: { TableName, Key, ConditionExpression: condition, ...texts(statement.when), ...OLD },
  };
}

const OLD = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

function conditional(when: Expression | undefined) {
  return when && { ConditionExpression: when.condition, ...texts(when), ...OLD };
}

/** Names and values with the signs that expressions know them by. */
export function texts({ names, values }: Pick<Expression, 'names' | 'values'>) {
  return {
    ExpressionAttributeNames: Object.fromEntries(Object.entries(names).map(([k, v]) => [`#${k}`, v])),
    ...(values && {
      ExpressionAttributeValues: marshall(
        Object.fromEntries(Object.entries(values).map(([k, v]) => [`:${k}`, v])),
        { removeUndefinedValues: true },
      ),
    }),
  };
}

import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  type ITable,
  Table,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { ofTask } from '#shared/store/dynamodb/keys.ts';
import { TABLE_KEYS } from '#shared/store/dynamodb/table.ts';
import { allow } from './allow.ts';

export interface TaskTableProps {
  /** Name of a table that an earlier stack left. @default a new one */
  readonly existing?: string | undefined;
  /** What becomes of a new table when the stack goes. */
  readonly removal: 'retain' | 'destroy';
}

/** The state of all tasks: what was asked for, who runs it, how far it has come. It outlives the stack: losing it means
 *  that every target has to be copied anew. */
export class TaskTable extends Construct {
  readonly tableName: string;
  readonly #tableArn: string;

  constructor(scope: Construct, id: string, props: TaskTableProps) {
    super(scope, id);
    const table = this.#table(props);
    this.tableName = table.tableName;
    this.#tableArn = table.tableArn;
  }

  /** Everything that the store does, which is never a scan and never anything to the table itself. */
  grantControlPlane(role: Role): void {
    allow(role, { actions: [...READS, ...WRITES, 'dynamodb:BatchWriteItem'], to: [this.#tableArn] });
  }

  /** A replicator reads what all tasks are, since what one of them leaves another may take over (no item holds a
   *  credential), and writes nothing but how far tasks have come. */
  grantReplicator(role: Role): void {
    const progress = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [ofTask('*')] } };
    allow(
      role,
      { actions: READS, to: [this.#tableArn] },
      { actions: WRITES, to: [this.#tableArn], when: progress },
    );
  }

  #table({ existing, removal }: TaskTableProps): Pick<ITable, 'tableName' | 'tableArn'> {
    if (existing !== undefined) return Table.fromTableName(this, 'Table', existing);
    const keep = removal === 'retain';
    return new TableV2(this, 'Table', {
      partitionKey: { name: TABLE_KEYS.partitionKey, type: AttributeType.STRING },
      sortKey: { name: TABLE_KEYS.sortKey, type: AttributeType.STRING },
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}

/** A transaction needs the rights of what it is made of. */
const READS = ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:ConditionCheckItem'];
const WRITES = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'];

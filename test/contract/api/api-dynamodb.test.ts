import { afterAll, beforeAll } from 'vitest';
import { type Dynamodb, startDynamodb } from '../../support/dynamodb.ts';
import { describeChecks } from './checks.kit.ts';
import { describeCreate } from './create.kit.ts';
import { dynamoStores } from './dynamo-stores.ts';
import { describeLifecycle } from './lifecycle.kit.ts';
import { describePosition } from './position.kit.ts';
import { describeScope } from './scope.kit.ts';
import { describeTransport } from './transport.kit.ts';

let dynamodb: Dynamodb;
beforeAll(async () => {
  dynamodb = await startDynamodb();
});
afterAll(() => dynamodb?.stop());

/** The statements on the store that Lambda uses. */
const makeStores = dynamoStores(() => dynamodb);
describeTransport('DynamoDB', makeStores);
describeCreate('DynamoDB', makeStores);
describeChecks('DynamoDB', makeStores);
describeScope('DynamoDB', makeStores);
describeLifecycle('DynamoDB', makeStores);
describePosition('DynamoDB', makeStores);

import type { DescMessage } from '@bufbuild/protobuf';
import { StatusSchema } from '../../wire/gen/common_pb.ts';
import * as api from '../../wire/gen/milvus_pb.ts';
import type { Method } from './api.ts';

function method<Request extends DescMessage, Response extends DescMessage>(
  name: string,
  request: Request,
  response: Response,
): Method<Request, Response> {
  return { name, request, response };
}

function command<Request extends DescMessage>(
  name: string,
  request: Request,
): Method<Request, typeof StatusSchema> {
  return method(name, request, StatusSchema);
}

/** The calls of milvus.MilvusService that this adapter makes beside writes. */
export const METHODS = {
  getVersion: method('GetVersion', api.GetVersionRequestSchema, api.GetVersionResponseSchema),
  listDatabases: method('ListDatabases', api.ListDatabasesRequestSchema, api.ListDatabasesResponseSchema),
  createDatabase: command('CreateDatabase', api.CreateDatabaseRequestSchema),
  dropDatabase: command('DropDatabase', api.DropDatabaseRequestSchema),
  showCollections: method(
    'ShowCollections',
    api.ShowCollectionsRequestSchema,
    api.ShowCollectionsResponseSchema,
  ),
  describeCollection: method(
    'DescribeCollection',
    api.DescribeCollectionRequestSchema,
    api.DescribeCollectionResponseSchema,
  ),
  createCollection: command('CreateCollection', api.CreateCollectionRequestSchema),
  dropCollection: command('DropCollection', api.DropCollectionRequestSchema),
  showPartitions: method('ShowPartitions', api.ShowPartitionsRequestSchema, api.ShowPartitionsResponseSchema),
  createPartition: command('CreatePartition', api.CreatePartitionRequestSchema),
  dropPartition: command('DropPartition', api.DropPartitionRequestSchema),
  describeIndex: method('DescribeIndex', api.DescribeIndexRequestSchema, api.DescribeIndexResponseSchema),
  createIndex: command('CreateIndex', api.CreateIndexRequestSchema),
  dropIndex: command('DropIndex', api.DropIndexRequestSchema),
  getLoadState: method('GetLoadState', api.GetLoadStateRequestSchema, api.GetLoadStateResponseSchema),
  loadCollection: command('LoadCollection', api.LoadCollectionRequestSchema),
  releaseCollection: command('ReleaseCollection', api.ReleaseCollectionRequestSchema),
  loadPartitions: command('LoadPartitions', api.LoadPartitionsRequestSchema),
  releasePartitions: command('ReleasePartitions', api.ReleasePartitionsRequestSchema),
  query: method('Query', api.QueryRequestSchema, api.QueryResultsSchema),
} as const;

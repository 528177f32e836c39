import { type DynamodbLocal, startDynamodbLocal } from './dynamodb-local.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { type MilvusServer, startMilvus } from './milvus.ts';
import type { Settings } from './milvus-config.ts';
import { RunFolder } from './run-folder.ts';
import type { StackAddresses } from './stack-addresses.ts';

export interface StackOptions {
  /** A source Milvus with its Kafka; an object sets them up. @default true */
  readonly source?: boolean | SourceOptions | undefined;
  /** A target Milvus; an object sets it up. @default true */
  readonly target?: boolean | TargetOptions | undefined;
  /** @default false */
  readonly dynamodb?: boolean | undefined;
}

export interface SourceOptions {
  /** `etcd.rootPath`. @default by-dev */
  readonly rootPath?: string | undefined;
  /** First part of the names of its channels. @default by-dev */
  readonly channelPrefix?: string | undefined;
  /** milvus.yaml settings, merged over ours. */
  readonly settings?: Settings | undefined;
  /** Kafka's server.properties, merged over ours. */
  readonly kafkaProperties?: Readonly<Record<string, string>> | undefined;
}

export interface TargetOptions {
  /** milvus.yaml settings, merged over ours. */
  readonly settings?: Settings | undefined;
}

export interface Source {
  readonly milvus: MilvusServer;
  readonly kafka: KafkaServer;
}

interface Servers {
  readonly source: Source | undefined;
  readonly target: MilvusServer | undefined;
  readonly dynamodb: DynamodbLocal | undefined;
}

/** Starts real servers, all at once, and answers when all of them serve. The first use ever downloads them. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { source = true, target = true, dynamodb = false } = options;
  const run = new RunFolder();
  try {
    const [sourceServers, targetServer, dynamodbServer] = await allSettledOrThrow([
      source === false ? undefined : startSource(run, source === true ? {} : source),
      target === false ? undefined : startTarget(run, target === true ? {} : target),
      dynamodb ? startDynamodbLocal(run) : undefined,
    ]);
    return new Stack(run, { source: sourceServers, target: targetServer, dynamodb: dynamodbServer });
  } catch (error) {
    await run.remove();
    throw error;
  }
}

async function startSource(run: RunFolder, options: SourceOptions): Promise<Source> {
  const kafka = await startKafka({ run, properties: options.kafkaProperties });
  const { rootPath, channelPrefix, settings } = options;
  const milvus = await startMilvus({
    run,
    name: 'source',
    kafkaAddress: kafka.address,
    rootPath,
    channelPrefix,
    settings,
  });
  return { kafka, milvus };
}

async function startTarget(run: RunFolder, { settings }: TargetOptions): Promise<MilvusServer> {
  return startMilvus({ run, name: 'target', settings });
}

/** Like Promise.all, but when one fails it waits for the others first, so that nothing is being started any more. */
async function allSettledOrThrow<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Real servers of our own. They end with this process, however it ends. */
export class Stack implements AsyncDisposable {
  readonly #run: RunFolder;
  readonly #servers: Servers;

  constructor(run: RunFolder, servers: Servers) {
    this.#run = run;
    this.#servers = servers;
  }

  /** Where the servers keep their data and logs until they are stopped. */
  get folder(): string {
    return this.#run.path;
  }

  get source(): Source {
    return started(this.#servers.source, 'source');
  }

  get target(): MilvusServer {
    return started(this.#servers.target, 'target');
  }

  get dynamodb(): DynamodbLocal {
    return started(this.#servers.dynamodb, 'dynamodb');
  }

  /** For a stack that has both source and target. */
  get addresses(): StackAddresses {
    const { milvus, kafka } = this.source;
    const { dynamodb } = this.#servers;
    return {
      source: {
        milvusAddress: milvus.address,
        etcdEndpoint: milvus.etcdEndpoint,
        rootPath: milvus.rootPath,
        kafkaAddress: kafka.address,
        replicateChannel: milvus.replicateChannel,
      },
      target: { milvusAddress: this.target.address },
      ...(dynamodb && {
        dynamodb: { endpoint: dynamodb.endpoint, region: dynamodb.region, credentials: dynamodb.credentials },
      }),
    };
  }

  /** Process ids by server name, of those that run. */
  get pids(): Readonly<Record<string, number>> {
    const { source, target, dynamodb } = this.#servers;
    const all = [source?.kafka, source?.milvus, target, dynamodb];
    return Object.fromEntries(
      all.flatMap((server) => (server?.pid === undefined ? [] : [[server.name, server.pid]])),
    );
  }

  /** Kills all servers and removes their data. */
  async stop(): Promise<void> {
    await this.#run.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function started<T>(server: T | undefined, name: keyof StackOptions): T {
  if (server === undefined) throw new Error(`this stack was started without ${name}`);
  return server;
}

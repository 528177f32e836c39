/** Where the servers of a stack are: plain data, to be handed to other processes. All addresses are `127.0.0.1:<port>`,
 *  without TLS or login. */
export interface StackAddresses {
  readonly source: SourceAddresses;
  readonly target: TargetAddresses;
  /** Only where it was asked for. */
  readonly dynamodb?: DynamodbAddresses | undefined;
}

export interface SourceAddresses {
  readonly milvusAddress: string;
  readonly etcdEndpoint: string;
  /** `etcd.rootPath` */
  readonly rootPath: string;
  readonly kafkaAddress: string;
  /** Topic of the mirrored DDL. */
  readonly replicateChannel: string;
}

export interface TargetAddresses {
  readonly milvusAddress: string;
}

export interface DynamodbAddresses {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

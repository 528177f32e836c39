import type { Logger } from '#shared/logger.ts';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import { refusedAddress } from '#shared/target-rules.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import type { Settings } from './runtime/settings.ts';
import { parseEndpoint } from './target/milvus/endpoint.ts';
import { MilvusTarget } from './target/milvus/milvus-target.ts';

export interface TargetOptions {
  readonly target: TargetConnection;
  readonly secret: TargetSecret | undefined;
  readonly settings: Settings;
  /** False on AWS, where a loopback or link-local address leads to what is not the user's. */
  readonly anyAddress: boolean;
  readonly log: Logger;
}

/** The target of a task, by the settings of whoever created it. */
export function openTarget({ target, secret, settings, anyAddress, log }: TargetOptions): MilvusTarget {
  const { uri, tls, connectTimeoutMs } = target;
  const { requestBytes, requestDeadlineMs } = settings;
  return new MilvusTarget({
    endpoint: parseEndpoint(uri, secret?.token),
    logger: log,
    tls: tls && {
      ca: tls.caPem ?? tls.serverPem,
      cert: tls.clientCertPem,
      key: secret?.clientKeyPem,
      serverName: tls.serverName,
    },
    refused: anyAddress ? undefined : refusedAddress,
    connectTimeoutMs: Math.min(connectTimeoutMs, requestDeadlineMs),
    callTimeoutMs: requestDeadlineMs,
    maxRequestBytes: requestBytes,
  });
}

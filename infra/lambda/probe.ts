import { createPowertools, lambdaContext, lambdaLogger } from '#shared/lambda-logger.ts';
import { refusedAddress } from '#shared/target-rules.ts';
import { probeHandler } from '../../functions/probe/handler.ts';
import { MilvusTargetProbe } from '../../functions/probe/milvus-target-probe.ts';
import { KafkaSourceProbe } from '../kafka-source-probe.ts';
import { readProbeConfig } from './config.ts';

/** The Lambda `probe`: checks targets and sources from where the replicators run. */
const powertools = createPowertools('probe');
const { logLevel, anyAddress } = readProbeConfig();
const log = lambdaLogger(powertools, logLevel);

export const handler = probeHandler({
  target: new MilvusTargetProbe({ refused: anyAddress ? undefined : refusedAddress }),
  source: (config) => new KafkaSourceProbe({ config, log }),
  log,
  middleware: [lambdaContext(powertools)],
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../support/stack/ports.ts';
import type { RunFolder } from '../../support/stack/run-folder.ts';
import { type ServerHandle, serverFolder } from '../../support/stack/server-process.ts';
import type { TlsFiles } from './etcd-server.ts';
import { startBroker } from './kafka-cluster.ts';

export interface SecureKafka extends ServerHandle {
  /** No login, no TLS: for the test's own writing. */
  readonly plain: string;
  /** PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 over plain text. */
  readonly sasl: string;
  /** TLS with a client certificate. */
  readonly ssl: string;
  /** The same logins over TLS, without a client certificate. */
  readonly saslSsl: string;
  /** OAUTHBEARER over TLS, as Amazon MSK takes it for IAM. Takes each token of {@link unsecuredToken}, and a login for a
   *  few seconds only. */
  readonly oauth: string;
}

export const LOGIN = { username: 'reader', password: 'a-secret-of-the-reader' } as const;

/** How long a login counts at the OAUTHBEARER listener. */
export const SESSION_MS = 2_500;

/** A token that the broker takes because it says so itself: no signature, RFC 7519, section 6. */
export function unsecuredToken(validForSeconds = 60): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: LOGIN.username, iat: now, exp: now + validForSeconds })}.`;
}

const SECURITY = 'org.apache.kafka.common.security';

/** A Kafka broker with a listener for each way to log in. */
export async function startSecureKafka(run: RunFolder, tls: TlsFiles): Promise<SecureKafka> {
  const name = 'secure-kafka';
  const ports = await freePorts(6);
  const at = (index: number): string => `127.0.0.1:${ports[index]}`;
  const home = serverFolder({ run, name });
  const keystore = join(home, 'keystore.pem');
  writeFileSync(keystore, readFileSync(tls.key, 'utf8') + readFileSync(tls.cert, 'utf8'));
  const listeners = `PLAINTEXT://${at(0)},SASL://${at(1)},SSL://${at(2)},BOTH://${at(3)},OAUTH://${at(5)}`;
  const jaas = (listener: string): Record<string, string> => ({
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `${SECURITY}.plain.PlainLoginModule required user_${LOGIN.username}="${LOGIN.password}";`,
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: `${SECURITY}.scram.ScramLoginModule required;`,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: `${SECURITY}.scram.ScramLoginModule required;`,
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  });
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${at(4)}`,
    listeners: `${listeners},CONTROLLER://${at(4)}`,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,BOTH:SASL_SSL,OAUTH:SASL_SSL',
    'num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': tls.ca,
    'listener.name.ssl.ssl.client.auth': 'required',
    ...jaas('sasl'),
    ...jaas('both'),
    'listener.name.oauth.sasl.enabled.mechanisms': 'OAUTHBEARER',
    'listener.name.oauth.oauthbearer.sasl.jaas.config': `${SECURITY}.oauthbearer.OAuthBearerLoginModule required;`,
    'listener.name.oauth.oauthbearer.connections.max.reauth.ms': String(SESSION_MS),
  };
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${LOGIN.username},password=${LOGIN.password}]`,
  ]);
  const server = await startBroker({ run, name, properties, formatWith: users, address: at(0) });
  return Object.assign(server, { plain: at(0), sasl: at(1), ssl: at(2), saslSsl: at(3), oauth: at(5) });
}

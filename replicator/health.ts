import { get } from 'node:http';
import { REPLICATOR_ENV } from '#shared/names.ts';

/** The health check of the container: asks the replicator beside it, and ends with 0 when that is well, else with 1. */

/** Shorter than what ECS gives the check. */
const TIMEOUT_MS = 3_000;

function end(healthy: boolean, word: string): void {
  process.stdout.write(`${word}\n`);
  process.exit(healthy ? 0 : 1);
}

// biome-ignore lint/style/noProcessEnv: a program of its own, with this one setting
const port = process.env[REPLICATOR_ENV.healthPort];
setTimeout(() => end(false, 'no answer'), TIMEOUT_MS);
get({ host: '127.0.0.1', port }, (response) => {
  let word = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    word += text;
  });
  response.on('end', () => end(response.statusCode === 200, word.trim()));
}).on('error', (error) => end(false, error.message));

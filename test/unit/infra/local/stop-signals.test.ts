import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const MODULE = new URL('../../../../infra/local/stop-signals.ts', import.meta.url).href;

/** A process whose stop is the given expression; it prints `up`, and `stopping` when asked to stop. */
async function start(stop: string) {
  const script = `import(${JSON.stringify(MODULE)}).then(({ onStopSignals }) => {
    onStopSignals(() => { process.stdout.write('stopping'); return ${stop}; });
    setInterval(() => {}, 1000);
    process.stdout.write('up');
  })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

test('the first signal stops gently', async () => {
  const child = await start('Promise.resolve()');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a second signal ends the process at once', async () => {
  const child = await start('new Promise(() => {})');
  child.kill('SIGINT');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
});

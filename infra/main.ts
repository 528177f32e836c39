import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { writeImageFolder } from './bundle.ts';
import { loadConfig } from './config.ts';
import { ConfigError } from './local/config/problems.ts';
import { CdcStack } from './stack.ts';

/** The CDK app: settings in, one stack out. */
async function main(): Promise<void> {
  const app = new App();
  const context: Readonly<Record<string, unknown>> = app.node.getAllContext();
  const config = loadConfig({ context, env: process.env, cwd: process.cwd() });
  const imageFolder = path('../.cache/image');
  if (config.image.kind === 'bundle') await writeImageFolder(imageFolder);
  new CdcStack(app, { config, imageFolder });
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  const lines = ['The settings cannot be used:', ...error.lines.map((line) => `  ${line}`)];
  process.stderr.write(`${lines.join('\n')}\ninfra/SETTINGS.md has every setting.\n`);
  process.exitCode = 1;
}

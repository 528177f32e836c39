import { copyFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

const SOURCES = fileURLToPath(new URL('../replicator/', import.meta.url));

/** Bundles the replicator and its health check into `folder`; answers the path of the replicator's entry. What is then in
 *  `folder/replicator` is all that it needs besides Node: the container image copies it, and on one machine it makes a
 *  start a quarter of what loading the sources takes. Fails when the sources do not build. */
export async function bundleReplicator(folder: string): Promise<string> {
  const outdir = resolve(folder, 'replicator');
  // Files of an earlier build have other names.
  await rm(outdir, { recursive: true, force: true });
  await build({
    entryPoints: [join(SOURCES, 'main.ts'), join(SOURCES, 'health.ts')],
    outdir,
    // What stands for a package by its alias is looked for from here, wherever the process was started.
    absWorkingDir: SOURCES,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What only AWS needs is in files of its own, loaded there.
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    sourcemap: 'linked',
    minifySyntax: true,
    logLevel: 'silent',
    // The Kafka client reads a file beside its code, which a bundle has not; it comes in a form without one, too.
    alias: { '@platformatic/wasm-utils': '@platformatic/wasm-utils/bundled' },
    // Dependencies in CommonJS ask for Node's own modules through `require`.
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
  });
  // esbuild keeps a helper process, bigger than ours, for a next build that does not come.
  await stop();
  return join(outdir, 'main.mjs');
}

/** Makes `folder` what the container image is built from: a Dockerfile and what it copies. */
export async function writeImageFolder(folder: string): Promise<void> {
  await bundleReplicator(folder);
  await copyFile(join(SOURCES, 'Dockerfile'), join(folder, 'Dockerfile'));
}

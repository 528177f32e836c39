import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

const ENTRY = fileURLToPath(new URL('../replicator/main.ts', import.meta.url));

/** Files that a dependency reads at run time, beside the code, where its own package has them. */
const ASSETS = [{ from: '@platformatic/wasm-utils/dist/native.wasm', to: 'dist/native.wasm' }];

/** Bundles the replicator into `folder`; answers the path of its entry. The folder then holds all that it needs besides
 *  Node: the container image copies it, and on one machine it makes a start a quarter of what loading the sources takes.
 *  Fails when the sources do not build. */
export async function bundleReplicator(folder: string): Promise<string> {
  const outfile = join(folder, 'replicator', 'main.mjs');
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    sourcemap: 'linked',
    minifySyntax: true,
    logLevel: 'silent',
    // Dependencies in CommonJS ask for Node's own modules through `require`.
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
  });
  // esbuild keeps a helper process, bigger than ours, for a next build that does not come.
  await stop();
  const { resolve } = createRequire(createRequire(ENTRY).resolve('@platformatic/kafka'));
  for (const { from, to } of ASSETS) {
    const [scope, name, ...path] = from.split('/');
    const root = resolve(`${scope}/${name}`).split(`${scope}/${name}`)[0] ?? '';
    const target = join(folder, to);
    await mkdir(join(target, '..'), { recursive: true });
    await copyFile(join(root, `${scope}/${name}`, ...path), target);
  }
  return outfile;
}

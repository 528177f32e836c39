import { readFile, stat } from 'node:fs/promises';

/** Certificates and keys are far smaller; other files should not be read into memory. */
const MAX_BYTES = 256 * 1024;

/** Reads a member of `dial_config`: a path on this machine, as with milvus-cdc. Tells nothing of a file that is not PEM,
 *  because whoever may use the API may name any path. */
export async function readPemFile(path: string): Promise<string> {
  let text: string;
  try {
    const stats = await stat(path);
    // A device or a pipe may never end.
    if (!stats.isFile() || stats.size > MAX_BYTES) throw new Error('not a small file');
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error('there is no readable PEM file at that path', { cause });
  }
  if (!text.includes('-----BEGIN ')) throw new Error('there is no readable PEM file at that path');
  return text;
}

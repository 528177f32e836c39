import { createHash } from 'node:crypto';

/** How what the control plane makes in ECS is called. */

/** The family of the task definition that one life of a task runs with under one release. */
export function familyOf(stack: string, incarnation: string, release: string): string {
  return `${stack}-${incarnation}-${hash(release).slice(0, 8)}`;
}

/** The life that a family was made for; undefined for a family that this stack did not make. Stacks may be called `a` and
 *  `a-b`, so the whole of it has to fit. */
export function incarnationOf(stack: string, family: string): string | undefined {
  if (!family.startsWith(`${stack}-`)) return undefined;
  return FAMILY_END.exec(family.slice(stack.length + 1))?.[1];
}

const FAMILY_END = /^([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9a-f]{8}$/;

/** The token under which ECS starts one task, however often it is asked to; ECS remembers it for a day. */
export function clientTokenOf(incarnation: string, generation: number): string {
  return hash(`${incarnation} ${generation}`);
}

/** What the names of a task's log streams begin with. A task's id may hold any character and be long; this may not. */
export function logPrefixOf(taskId: string): string {
  const plain = taskId.replaceAll(/[^\w.-]/g, '_').slice(0, 100);
  return plain === taskId ? plain : `${plain}-${hash(taskId).slice(0, 8)}`;
}

/** A tag's value as close to the text as tags allow. */
export function tagValueOf(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} _.:/=+@-]/gu, '_').slice(0, 256);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

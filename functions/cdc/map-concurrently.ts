/** Maps in order, at most `limit` at a time. Fails with the first failure; what was not begun then is not begun. */
export async function mapConcurrently<In, Out>(
  items: readonly In[],
  limit: number,
  map: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results = new Array<Out>(items.length);
  const pending = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of pending) results[i] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

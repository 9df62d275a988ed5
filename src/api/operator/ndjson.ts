import type { JsonObject } from "../../base/json.ts";

/**
 * A response of one JSON object per line, produced as fast as the client reads. It ends with `{"end": true}`, or, after
 * a failure, with the result of `describe` as `{"error": …}`. The iteration ends when the client disconnects.
 */
export function ndjson(lines: AsyncIterable<JsonObject>, describe: (error: unknown) => JsonObject): Response {
  const iterator = lines[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const write = (value: JsonObject): void =>
        controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      try {
        const { done, value } = await iterator.next();
        write(done === true ? { end: true } : value);
        if (done === true) controller.close();
      } catch (error) {
        write({ error: describe(error) });
        controller.close();
      }
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
  return new Response(stream, { headers: { "content-type": "application/x-ndjson" } });
}

import { AwsError } from "../wire/aws-error.ts";

export const bodyBytesMax = 1024 * 1024;

/**
 * The whole body. Throws `RequestEntityTooLarge` as soon as it is known to be longer than 1 MiB, before anything is
 * hashed, and `ValidationError` where it breaks off.
 */
export async function readBody(request: Request): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > bodyBytesMax) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of whole(request.body as ReadableStream<Uint8Array>)) {
    length += chunk.byteLength;
    if (length > bodyBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A client that hangs up is no failure of ours. Nobody hears the answer, but the log does. */
async function* whole(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new AwsError("ValidationError", "The request ended before its body did.", { cause });
  }
}

function tooLarge(): AwsError {
  return new AwsError("RequestEntityTooLarge", `The request is longer than ${bodyBytesMax} bytes.`);
}

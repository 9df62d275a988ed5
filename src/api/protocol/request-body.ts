import { AwsError } from "../../wire/aws/error.ts";

export const bodyBytesMax = 1024 * 1024;

/** The limit on all bodies together, beyond `uncountedBytes` each: how much slow clients can make the service hold. */
const heldBytesMax = 16 * bodyBytesMax;

/** A body of ordinary length is never refused because others are long. The limit on connections limits their number. */
const uncountedBytes = 64 * 1024;

/** Reads the bodies of requests, within one limit on their total memory. */
export class RequestBodies {
  #held = 0;

  /**
   * The whole body. Throws `RequestEntityTooLarge` as soon as it is known to be longer than 1 MiB, before anything is
   * hashed, `ServiceUnavailable` if other bodies leave no room for it, and `ValidationError` if it is cut off.
   */
  async read(request: Request): Promise<Uint8Array> {
    const announced = Number(request.headers.get("content-length") ?? 0);
    if (announced > bodyBytesMax) throw tooLarge();
    if (request.body === null) return new Uint8Array();
    const chunks: Uint8Array[] = [];
    let length = 0;
    let held = 0;
    try {
      for await (const chunk of whole(request.body as ReadableStream<Uint8Array>)) {
        length += chunk.byteLength;
        if (length > bodyBytesMax) throw tooLarge();
        const more = Math.max(0, length - uncountedBytes) - held;
        if (this.#held + more > heldBytesMax) throw noRoom();
        this.#held += more;
        held += more;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      this.#held -= held;
    }
  }
}

/** A client that disconnects is not an internal failure. The answer is not received, but it is logged. */
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

function noRoom(): AwsError {
  return new AwsError("ServiceUnavailable", "Too many long requests are being received; try again.");
}

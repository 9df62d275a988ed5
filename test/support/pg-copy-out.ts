import type pg from "pg";

/** What `pg` asks of a query object; it calls these by name (undocumented, and stable for a decade). */
interface CopyOutQuery {
  submit: (connection: { query: (sql: string) => void }) => void;
  handleCopyData: (message: { chunk: Buffer }) => void;
  handleError: (error: Error) => void;
  handleReadyForQuery: () => void;
  handleCommandComplete: () => void;
}

/** All bytes of a `COPY … TO STDOUT`, in one piece. */
export async function copyOut(client: pg.Client, sql: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let failure: Error | undefined;
    const query: CopyOutQuery = {
      submit: (connection) => connection.query(sql),
      // The parser of `pg` writes over its buffer.
      handleCopyData: ({ chunk }) => chunks.push(Buffer.from(chunk)),
      handleCommandComplete: () => {},
      handleError: (error) => {
        failure = error;
        reject(error);
      },
      handleReadyForQuery: () => {
        if (failure === undefined) resolve(Buffer.concat(chunks));
      },
    };
    (client as unknown as { query: (query: CopyOutQuery) => void }).query(query);
  });
}

/** Signature, flags and length of the extension, which zeroetl's servers never send. */
const copyHeaderBytes = 19;

/** The offsets of the tuples in a binary COPY: behind the header, up to the trailer. */
export function copyTupleOffsets(bytes: Buffer): Int32Array {
  const offsets: number[] = [];
  for (let at = copyHeaderBytes; bytes.readInt16BE(at) >= 0;) {
    offsets.push(at);
    const fields = bytes.readInt16BE(at);
    at += 2;
    for (let field = 0; field < fields; field += 1) at += 4 + Math.max(0, bytes.readInt32BE(at));
  }
  return Int32Array.from(offsets);
}

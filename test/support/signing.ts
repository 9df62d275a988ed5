import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { credentials as everybodys, region } from "./aws-service.ts";

/** What is signed; sent otherwise, it is refused. */
export interface Signable {
  /** Of the scope; default rds. */
  readonly service?: string | undefined;
  /** Default: those of a user who may do everything. */
  readonly credentials?: typeof everybodys | undefined;
  readonly method?: string | undefined;
  /** As in a URL, without the question mark. A name that is there twice is signed once. */
  readonly query?: string | undefined;
  /** Beside those of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

type Headers = Readonly<Record<string, string>>;

/** The headers of a request to the service at `url`, signed as AWS's SDKs do it. */
export async function signedHeaders(url: string, request: Signable): Promise<Headers> {
  return (await signerOf(request).sign(signable(url, request))).headers;
}

/** The query of a request that is signed there, as AWS's SDKs presign a URL; of the headers, only the host is signed. */
export async function presignedQuery(url: string, request: Signable): Promise<string> {
  const { query = {} } = await signerOf(request).presign(signable(url, request), { expiresIn: 300 });
  return new URLSearchParams(query as Headers).toString();
}

function signerOf({ service = "rds", credentials = everybodys }: Signable): SignatureV4 {
  return new SignatureV4({ region, service, credentials, sha256: NodeSha256 });
}

function signable(url: string, { method = "POST", query = "", headers, body = "" }: Signable) {
  const { host, hostname, port } = new URL(url);
  return {
    method,
    protocol: "http:",
    hostname,
    port: Number(port),
    path: "/",
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: { host, "content-type": "application/x-www-form-urlencoded", ...headers },
    body,
  };
}

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** Node's own, which hashes a megabyte in a moment. */
class NodeSha256 {
  readonly #secret: Bytes | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: Bytes) {
    this.#secret = secret;
    this.#hash = this.#begin();
  }

  update(data: Bytes): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(this.#secret));
  }
}

function bytes(data: Bytes): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

import type { HttpBindings } from "@hono/node-server";
import { TLSSocket } from "node:tls";
import type { RequestHead } from "../../wire/aws/sigv4.ts";
import type { RequestBodies } from "./request-body.ts";

/** A request with what the server knows of how it came. */
export interface Arrival {
  readonly request: Request;
  readonly isSecure: boolean;
  readonly bodies: RequestBodies;
}

/**
 * Whether it came over TLS to us. The connection says so: the client can write any URL into its request line, and what
 * a proxy in front says of itself is not believed.
 */
export function isSecure(bindings: Partial<HttpBindings> | undefined): boolean {
  return bindings?.incoming?.socket instanceof TLSSocket;
}

/** A request of the web platform as the verification of signatures wants it. */
export function requestHead(request: Request): RequestHead {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    path: pathname,
    query: search.slice(1),
    header: (name) => request.headers.get(name) ?? undefined,
    headerNames: [...request.headers.keys()],
  };
}

import type { HttpBindings } from "@hono/node-server";
import { TLSSocket } from "node:tls";
import type { RequestHead } from "../../wire/aws/sigv4.ts";
import type { RequestBodies } from "./request-body.ts";

/** A request with the server's information on its connection. */
export interface Arrival {
  readonly request: Request;
  readonly isSecure: boolean;
  readonly bodies: RequestBodies;
}

/**
 * Whether it reached us over TLS. The connection decides: the client can write any URL into its request line, and a
 * proxy's own claims are not trusted.
 */
export function isSecure(bindings: Partial<HttpBindings> | undefined): boolean {
  return bindings?.incoming?.socket instanceof TLSSocket;
}

/** Converts a web platform request to the form that signature verification expects. */
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

import type { SignedRequest } from "../wire/aws-sigv4.ts";

/** Whether it came over TLS to us; what a proxy in front says of itself is not believed. */
export function isSecure(request: Request): boolean {
  return new URL(request.url).protocol === "https:";
}

/** A request of the web platform as the verification of signatures wants it. */
export function signedRequest(request: Request, body: Uint8Array): SignedRequest {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    path: pathname,
    query: search.slice(1),
    header: (name) => request.headers.get(name) ?? undefined,
    headerNames: [...request.headers.keys()],
    body,
  };
}

import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { isIP } from "node:net";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/errors.ts";
import { answerOperator } from "./operator/operator-endpoint.ts";
import type { ApiOptions } from "./options.ts";
import { answerAws } from "./protocol/aws-endpoint.ts";
import { RequestBodies } from "./protocol/request-body.ts";
import { isSecure, type Arrival } from "./protocol/signed-request.ts";

const log = logger("api");

/**
 * The service's HTTP interface, as a handler of web requests (`app.fetch`): the AWS APIs at `/`, our own command line's
 * API under `/zeroetl/`, `/healthz` and `/metrics`.
 */
export function createApi(options: ApiOptions): Hono<{ Bindings: Partial<HttpBindings> }> {
  const app = new Hono<{ Bindings: Partial<HttpBindings> }>();
  const bodies = new RequestBodies();
  const arrivalOf = (request: Request, bindings: Partial<HttpBindings>): Arrival => ({
    request,
    isSecure: isSecure(bindings),
    bodies,
  });
  // The server's adaptor also refuses such hosts, but not all of them.
  app.use(async (context, next) =>
    URL.canParse(context.req.url) ? next() : context.text("The Host header is not valid.\n", 400),
  );
  app.all("/", ({ req, env }) => answerAws(arrivalOf(req.raw, env), options));
  app.post("/zeroetl/:command", ({ req, env }) =>
    answerOperator(arrivalOf(req.raw, env), req.param("command"), options),
  );
  app.get("/healthz", (context) => {
    const health = options.health();
    return context.json(health, health.ok ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    const refusal = "Over a loopback address, this is for a Host of localhost or an IP address only.\n";
    if (isRebound(context.req.raw, context.env)) return context.text(refusal, 421);
    return context.text(await options.metrics(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });
  app.notFound((context) => context.text("There is nothing here. The API is at /.\n", 404));
  app.onError((error, context) => {
    log.error({ reason: messageOf(error), stack: error.stack }, "a request failed for a reason of our own");
    return context.text("The service failed; its log says why.\n", 500);
  });
  return app;
}

/**
 * Whether a request to this machine's loopback address names another host. A web page can have its own name resolved to
 * 127.0.0.1 and could then read what needs no key here (DNS rebinding).
 */
function isRebound({ headers }: Request, bindings: Partial<HttpBindings> | undefined): boolean {
  const address = bindings?.incoming?.socket.localAddress ?? "";
  if (!/^(?:::ffff:)?127\.|^::1$/.test(address)) return false;
  const host = (headers.get("host") ?? "").toLowerCase().replace(/:\d*$/, "");
  return isIP(host.replace(/^\[|\]$/g, "")) === 0 && host !== "localhost" && !host.endsWith(".localhost");
}

import { Hono } from "hono";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/errors.ts";
import { answerOperator } from "./operator-endpoint.ts";
import type { ApiOptions } from "./options.ts";
import { answerAws } from "./aws-endpoint.ts";

const log = logger("api");

/**
 * The service's HTTP face, as a handler of web requests (`app.fetch`): the AWS APIs at `/`, our own command line's
 * under `/zeroetl/`, `/healthz` and `/metrics`.
 */
export function createApi(options: ApiOptions): Hono {
  const app = new Hono();
  // The server's adaptor refuses such hosts, too, but not all of them.
  app.use(async (context, next) =>
    URL.canParse(context.req.url) ? next() : context.text("The Host header is not valid.\n", 400),
  );
  app.all("/", (context) => answerAws(context.req.raw, options));
  app.post("/zeroetl/:command", (context) =>
    answerOperator(context.req.raw, context.req.param("command"), options),
  );
  app.get("/healthz", (context) => {
    const health = options.health();
    return context.json(health, health.ok ? 200 : 503);
  });
  app.get("/metrics", async (context) =>
    context.text(await options.metrics(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    }),
  );
  app.notFound((context) => context.text("There is nothing here. The API is at /.\n", 404));
  app.onError((error, context) => {
    log.error({ reason: messageOf(error), stack: error.stack }, "a request failed for a reason of our own");
    return context.text("The service failed; its log says why.\n", 500);
  });
  return app;
}

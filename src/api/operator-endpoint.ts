import { randomUUID } from "node:crypto";
import { z } from "zod";
import { CodedError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { AwsError } from "../wire/aws-error.ts";
import { verifySigV4 } from "../wire/aws-sigv4.ts";
import { lookupKey } from "./arn.ts";
import { ndjson } from "./ndjson.ts";
import type { JsonObject, OperatorPort } from "./operator.ts";
import type { ApiOptions } from "./options.ts";
import { readBody } from "./request-body.ts";
import { signedRequest } from "./signed-request.ts";

const log = logger("operator");

/** The service name in the scope of our command line's signatures. */
const serviceName = "zeroetl";

interface Call {
  readonly port: OperatorPort;
  readonly options: ApiOptions;
  /** Parsed JSON. */
  readonly body: unknown;
  readonly signal: AbortSignal;
}

const statusBody = z.strictObject({ integration: z.string().optional() });
const queryBody = z.strictObject({ sql: z.string() });
const verifyBody = z.strictObject({ integration: z.string() });

const commands: Readonly<Record<string, (call: Call) => Promise<Response>>> = {
  status: async ({ port, options, body, signal }) => {
    const { integration } = parse(statusBody, body);
    const integrationId = integration === undefined ? undefined : await idOf(options, integration);
    return Response.json(await port.status({ integrationId }, signal));
  },
  query: async ({ port, body, signal }) => {
    const { columns, rows } = await port.query(parse(queryBody, body).sql, signal);
    return ndjson(queryLines(columns, rows), errorBody);
  },
  verify: async ({ port, options, body, signal }) => {
    const id = await idOf(options, parse(verifyBody, body).integration);
    return ndjson(port.verify(id, signal), errorBody);
  },
};

async function* queryLines(
  columns: readonly { readonly name: string; readonly type: string }[],
  chunks: AsyncIterable<readonly (readonly (string | null)[])[]>,
): AsyncGenerator<JsonObject> {
  yield { columns: columns.map(({ name, type }) => ({ name, type })) };
  for await (const rows of chunks) yield { rows };
}

/** Answers `POST /zeroetl/<command>`. Never throws. */
export async function answerOperator(
  request: Request,
  command: string,
  options: ApiOptions,
): Promise<Response> {
  try {
    return await answer(request, command, options);
  } catch (error) {
    return Response.json(errorBody(error), { status: statusOf(error) });
  }
}

async function answer(request: Request, command: string, options: ApiOptions): Promise<Response> {
  const body = await readBody(request);
  verifySigV4(signedRequest(request, body), {
    region: options.region,
    services: [serviceName],
    now: options.now(),
    secretOf: options.secretOf,
  });
  const run = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (run === undefined || options.operator === undefined)
    throw new CodedError("USAGE", "This service has no such command.");
  return run({ port: options.operator, options, body: parseJson(body), signal: request.signal });
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new CodedError("USAGE", "The body of the request is not JSON.", { cause });
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (!result.success) throw new CodedError("USAGE", "The body of the request does not have the right form.");
  return result.data;
}

async function idOf(options: ApiOptions, identifier: string): Promise<string> {
  const key = lookupKey(options, identifier);
  const integration = key === undefined ? undefined : await options.catalog.find(key);
  if (integration === undefined)
    throw new CodedError("INTEGRATION_NOT_FOUND", "There is no integration with this name, ARN or uuid.");
  return integration.id;
}

function statusOf(error: unknown): number {
  if (error instanceof AwsError) return error.status;
  if (!(error instanceof CodedError)) return 500;
  return error.code === "INTEGRATION_NOT_FOUND" ? 404 : 400;
}

function errorBody(error: unknown): JsonObject {
  if (error instanceof CodedError) return { code: error.code, message: error.message, fix: error.fix };
  if (error instanceof AwsError) return { code: error.code, message: error.message };
  const requestId = randomUUID();
  const stack = error instanceof Error ? error.stack : undefined;
  log.error({ requestId, reason: messageOf(error), stack }, "a command failed for a reason of our own");
  return { code: "INTERNAL", message: `The service failed; its log says why under ${requestId}.` };
}

import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { CodedError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { verifySigV4 } from "../../wire/aws/sigv4.ts";
import { integrationArn, lookupKey } from "../protocol/arn.ts";
import { authorize, findAllowed, isAllowed, mayTellOf } from "../access/authorization.ts";
import { createKey, deleteKey, disableKey, enableKey, listKeys, rotateKey } from "./key-commands.ts";
import { ndjson } from "./ndjson.ts";
import type { TargetResource } from "../../model/resources.ts";
import type { JsonObject } from "../../base/json.ts";
import {
  operatorRequests,
  type OperatorPort,
  type OperatorRows,
  type QueryLine,
} from "../../model/operator.ts";
import type { ApiOptions, Call } from "../options.ts";
import { requestHead, type Arrival } from "../protocol/signed-request.ts";
import { eventVisibility } from "../access/visible-page.ts";

const log = logger("operator");

/** The service name in the scope of our command line's signatures. */
const serviceName = "zeroetl";

interface CommandCall extends Call {
  readonly port: OperatorPort;
  readonly signal: AbortSignal;
}

type Command = keyof typeof operatorRequests;

/** The bodies of requests, once they have been checked. */
type Bodies = { readonly [Each in Command]: z.output<(typeof operatorRequests)[Each]> };

const commands: {
  readonly [Each in Command]: (call: CommandCall, body: Bodies[Each]) => Promise<Response>;
} = {
  status: async (call, { integration }) => {
    const action = "zeroetl:GetStatus";
    if (integration === undefined) authorize(call, [{ action, resource: integrationArn(call, "*") }]);
    const integrationId = integration === undefined ? undefined : await idOf(call, integration, action);
    return Response.json(
      await call.port.status(
        { integrationId, isVisible: (found) => mayTellOf(call, action, found) },
        call.signal,
      ),
    );
  },
  query: async (call, { sql, target, nested }) => {
    authorize(call, [{ action: "zeroetl:Query", resource: "*" }]);
    const targetArn = targetOf(call, target).arn;
    const request = { sql, targetArn, nested, keyId: call.caller.id };
    return answerLines(call, queryLines(await call.port.query(request, call.signal)));
  },
  "drop-database": async (call, { name, target }) => {
    const targetArn = targetOf(call, target).arn;
    authorize(call, [{ action: "zeroetl:DropDatabase", resource: targetArn }]);
    await call.port.dropDatabase({ name, targetArn }, call.signal);
    return Response.json({});
  },
  verify: async (call, { integration }) => {
    const id = await idOf(call, integration, "zeroetl:Verify");
    return answerLines(call, call.port.verify(id, call.signal));
  },
  events: async (call, { integration, since }) => {
    const action = "zeroetl:GetEvents";
    if (integration === undefined) authorize(call, [{ action, resource: integrationArn(call, "*") }]);
    const integrationId = integration === undefined ? undefined : await pastIdOf(call, integration, action);
    return answerLines(
      call,
      call.port.events(
        { integrationId, since: new Date(since), isVisible: eventVisibility(call, action) },
        call.signal,
      ),
    );
  },
  "create-key": async (call, { user, policy }) => Response.json(await createKey(call, user, policy)),
  "list-keys": async (call) => Response.json(await listKeys(call)),
  "rotate-key": async (call, { id }) => Response.json(await rotateKey(call, id)),
  "enable-key": async (call, { id }) => Response.json(await enableKey(call, id)),
  "disable-key": async (call, { id }) => Response.json(await disableKey(call, id)),
  "delete-key": async (call, { id }) => Response.json(await deleteKey(call, id)),
};

async function* queryLines({ columns, notices, rows }: OperatorRows): AsyncGenerator<QueryLine> {
  yield { columns: columns.map(({ name, type }) => ({ name, type })), notices };
  for await (const chunk of rows) yield { rows: chunk };
}

/** The target with a name or ARN; without one, the only target. */
function targetOf({ targets }: Call, wanted: string | undefined): TargetResource {
  const [only, ...others] = targets;
  const names = targets.map(({ name }) => name).join(", ");
  if (only === undefined)
    throw new CodedError("CONFIGURATION", "No target is configured: name one under `targets`.");
  if (wanted === undefined) {
    if (others.length === 0) return only;
    throw new CodedError("TARGET_AMBIGUOUS", `There are several targets: ${names}.`);
  }
  const found = targets.find(({ name, arn }) => name === wanted || arn === wanted);
  if (found === undefined)
    throw new CodedError(
      "TARGET_NOT_FOUND",
      `There is no target ${JSON.stringify(wanted)}; there are: ${names}.`,
    );
  return found;
}

/** Answers `POST /zeroetl/<command>`. Never throws. */
export async function answerOperator(
  arrival: Arrival,
  command: string,
  options: ApiOptions,
): Promise<Response> {
  try {
    return await answer(arrival, command, options);
  } catch (error) {
    return Response.json(errorBody(error, arrival.request.signal), { status: statusOf(error) });
  }
}

async function answer(arrival: Arrival, command: string, options: ApiOptions): Promise<Response> {
  const { request, bodies, isSecure } = arrival;
  const { key, body } = await verifySigV4(requestHead(request), () => bodies.read(request), {
    region: options.region,
    services: [serviceName],
    now: options.now(),
    keyOf: (id) => options.keys.find(id),
  });
  if (!isCommand(command) || options.operator === undefined)
    throw new CodedError("USAGE", "This service has no such command.");
  const call = { ...options, caller: key, isSecure, port: options.operator, signal: request.signal };
  return run(command, call, parseJson(body));
}

function isCommand(name: string): name is Command {
  return Object.hasOwn(commands, name);
}

function run<Each extends Command>(command: Each, call: CommandCall, body: unknown): Promise<Response> {
  const schemas: { readonly [Name in Command]: z.ZodType<Bodies[Name]> } = operatorRequests;
  return commands[command](call, parse<Bodies[Each]>(schemas[command], body));
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

async function idOf(call: Call, identifier: string, action: string): Promise<string> {
  const integration = await findAllowed(call, identifier, { action });
  if (integration === undefined) throw notFound();
  return integration.id;
}

/** Like `idOf`, but also for integrations that no longer exist, as long as events of them are known. */
async function pastIdOf(call: Call, identifier: string, action: string): Promise<string> {
  const integration = await findAllowed(call, identifier, { action });
  if (integration !== undefined) return integration.id;
  const key = lookupKey(call, identifier);
  const gone = key === undefined ? undefined : await goneOf(call, key);
  if (gone === undefined || !isAllowed(call, { action, resource: integrationArn(call, gone) }))
    throw notFound();
  return gone;
}

/** The deleted integration that last had this name, or that has this uuid. */
async function goneOf({ catalog }: Call, key: string): Promise<string | undefined> {
  const integrationId = (await catalog.lastOfName(key)) ?? key.toLowerCase();
  // An existing integration is found by its current name, by callers that may see it.
  for (const each of [key, integrationId]) if ((await catalog.find(each)) !== undefined) return undefined;
  const { events } = await catalog.events({
    after: undefined,
    limit: 1,
    from: new Date(0),
    integrationId,
  });
  return events[0]?.integrationId;
}

function notFound(): CodedError {
  return new CodedError("INTEGRATION_NOT_FOUND", "There is no integration with this name, ARN or uuid.");
}

function statusOf(error: unknown): number {
  if (error instanceof AwsError) return error.status;
  if (!(error instanceof CodedError)) return 500;
  return error.code.endsWith("_NOT_FOUND") ? 404 : 400;
}

function answerLines({ signal }: CommandCall, lines: AsyncIterable<JsonObject>): Response {
  return ndjson(lines, (error) => errorBody(error, signal));
}

function errorBody(error: unknown, client: AbortSignal): JsonObject {
  if (error instanceof CodedError) return { code: error.code, message: error.message, fix: error.fix };
  if (error instanceof AwsError) return { code: error.code, message: error.message };
  // A command was interrupted: that is not a failure, and the answer is not read.
  if (client.aborted) return { code: "INTERRUPTED", message: "The client went away." };
  const requestId = randomUUID();
  const stack = error instanceof Error ? error.stack : undefined;
  log.error({ requestId, reason: messageOf(error), stack }, "a command failed for a reason of our own");
  return { code: "INTERNAL", message: `The service failed; its log says why under ${requestId}.` };
}

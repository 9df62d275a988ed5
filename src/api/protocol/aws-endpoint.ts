import { randomUUID } from "node:crypto";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { claimedService, verifySigV4 } from "../../wire/aws/sigv4.ts";
import { jsonProtocol } from "./json-protocol.ts";
import type { ApiOptions, Call } from "../options.ts";
import type { Protocol } from "./protocol.ts";
import { queryProtocol } from "./query-protocol.ts";
import { serviceNames, type ServiceName } from "../services.ts";
import { requestHead, type Arrival } from "./signed-request.ts";

const log = logger("api");

/** What is known about a request so far. The envelope and the log use it, no matter how far processing got. */
interface Progress {
  readonly requestId: string;
  readonly protocol: Protocol;
  service: ServiceName;
  action: string | undefined;
  /** Set once the signature is verified. */
  accessKeyId: string | undefined;
}

/**
 * Answers one request to an AWS service, in its protocol. Never throws: any failure becomes an error of that protocol.
 */
export async function answerAws(arrival: Arrival, options: ApiOptions): Promise<Response> {
  const protocol = protocolOf(arrival.request);
  const progress: Progress = {
    requestId: randomUUID(),
    protocol,
    service: protocol.services[0],
    action: undefined,
    accessKeyId: undefined,
  };
  const started = performance.now();
  const { status, body, code, headers } = await answerOrError(arrival, options, progress);
  const { requestId, service, action, accessKeyId } = progress;
  const ms = Math.round(performance.now() - started);
  const level = code === undefined && !isReading(action) ? "info" : "debug";
  log[level]({ requestId, service, action, accessKeyId, status, code, ms }, "request answered");
  return new Response(body, {
    status,
    headers: { ...headers, "content-type": protocol.contentType, "x-amzn-requestid": requestId },
  });
}

/** No client of the Query protocol names its action in a header. */
function protocolOf({ headers }: Request): Protocol {
  const isJson =
    headers.has("x-amz-target") || /^application\/x-amz-json/i.test(headers.get("content-type") ?? "");
  return isJson ? jsonProtocol : queryProtocol;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function answerOrError(arrival: Arrival, options: ApiOptions, progress: Progress): Promise<Answer> {
  try {
    return { status: 200, body: await answer(arrival, options, progress) };
  } catch (cause) {
    const error = cause instanceof AwsError ? cause : internalFailure(cause, progress);
    return progress.protocol.printError({ ...progress, error });
  }
}

async function answer(arrival: Arrival, options: ApiOptions, progress: Progress): Promise<string> {
  const { request, bodies, isSecure } = arrival;
  const { protocol, requestId } = progress;
  if (!protocol.methods.includes(request.method))
    throw new AwsError("InvalidAction", `Requests must use the method ${protocol.methods.join(" or ")}.`);
  const head = requestHead(request);
  const claimed = claimedService(head);
  progress.service = protocol.services.find((name) => name === claimed) ?? progress.service;
  const signer = await verifySigV4(head, () => bodies.read(request), {
    region: options.region,
    services: protocol.services,
    served: serviceNames,
    now: options.now(),
    keyOf: (id) => options.keys.find(id),
  });
  progress.accessKeyId = signer.key.id;
  const service = protocol.services.find((name) => name === signer.service) ?? progress.service;
  progress.service = service;
  const { action, input } = protocol.open({ ...head, body: signer.body }, service);
  progress.action = action.name;
  const call: Call = { ...options, caller: signer.key, isSecure };
  const value = await action.run(input(), call);
  return protocol.printResult({ service, action, requestId, value });
}

/** Changes are worth a line in the log; clients' polling is not. */
function isReading(action: string | undefined): boolean {
  return action === undefined || /^(?:Describe|List|Get)/.test(action);
}

// Details of an internal failure are for the log only; the request id links the two.
function internalFailure(cause: unknown, { requestId, action }: Progress): AwsError {
  const stack = cause instanceof Error ? cause.stack : undefined;
  log.error(
    { requestId, action, reason: messageOf(cause), stack },
    "a request failed for a reason of our own",
  );
  return new AwsError(
    "InternalFailure",
    "The request processing has failed because of an unknown error, exception or failure.",
    { cause },
  );
}

import { randomUUID } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { AwsError } from "../wire/aws-error.ts";
import { parameterTree } from "../wire/aws-query.ts";
import { verifySigV4 } from "../wire/aws-sigv4.ts";
import { printError, printSuccess } from "../wire/aws-xml.ts";
import { parseForm, type FormParameter } from "../wire/form.ts";
import type { ApiOptions, Call } from "./options.ts";
import { readBody } from "./request-body.ts";
import { serviceNames, services, type Service, type ServiceName } from "./services.ts";
import { isSecure, signedRequest } from "./signed-request.ts";

const log = logger("api");

/** What is known of a request so far; the envelope and the log use it, however far the request came. */
interface Progress {
  readonly requestId: string;
  service: ServiceName;
  action: string | undefined;
  /** Once the signature was believed. */
  accessKeyId: string | undefined;
}

/** Answers one request in the AWS Query protocol. Never throws: whatever goes wrong becomes an error envelope. */
export async function answerQuery(request: Request, options: ApiOptions): Promise<Response> {
  const progress: Progress = {
    requestId: randomUUID(),
    service: "rds",
    action: undefined,
    accessKeyId: undefined,
  };
  const started = performance.now();
  const { status, xml, code } = await answerOrError(request, options, progress);
  const { requestId, service, action, accessKeyId } = progress;
  const ms = Math.round(performance.now() - started);
  const level = code === undefined && !isReading(action) ? "info" : "debug";
  log[level]({ requestId, service, action, accessKeyId, status, code, ms }, "request answered");
  return new Response(xml, {
    status,
    headers: { "content-type": "text/xml;charset=utf-8", "x-amzn-requestid": requestId },
  });
}

interface Answer {
  readonly status: number;
  readonly xml: string;
  readonly code?: string;
}

async function answerOrError(request: Request, options: ApiOptions, progress: Progress): Promise<Answer> {
  try {
    return { status: 200, xml: await answer(request, options, progress) };
  } catch (cause) {
    const error = cause instanceof AwsError ? cause : internalFailure(cause, progress);
    const { namespace } = services[progress.service];
    const xml = printError({ namespace, requestId: progress.requestId, error });
    return { status: error.status, xml, code: error.code };
  }
}

async function answer(request: Request, options: ApiOptions, progress: Progress): Promise<string> {
  if (request.method !== "POST" && request.method !== "GET")
    throw new AwsError("InvalidAction", "Requests must use the method POST or GET.");
  const body = await readBody(request);
  const signed = signedRequest(request, body);
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
  // Until the signature says which service is meant, an error looks like one of the service that the version hints at.
  progress.service = guessService(signed.query) ?? guessService(text) ?? "rds";
  const signer = await verifySigV4(signed, {
    region: options.region,
    services: serviceNames,
    now: options.now(),
    keyOf: (id) => options.keys.find(id),
  });
  progress.accessKeyId = signer.key.id;
  progress.service = serviceNames.find((name) => name === signer.service) ?? progress.service;
  const service: Service = services[progress.service];
  const parameters = [...unsignedPart(parseForm(signed.query)), ...parseForm(text)];
  const action = actionOf(service, parameters);
  progress.action = action;
  const operation = service.operations[action];
  const call: Call = { ...options, caller: signer.key, isSecure: isSecure(request) };
  const result = await operation?.(parameterTree(parameters), call);
  return printSuccess({ action, namespace: service.namespace, requestId: progress.requestId, result });
}

/** What changes something is worth a line in the log; what clients poll is not. */
function isReading(action: string | undefined): boolean {
  return action === undefined || /^(?:Describe|List|Get)/.test(action);
}

function guessService(text: string): ServiceName | undefined {
  const version = /(?:^|&)Version=([0-9-]{10})(?:&|$)/.exec(text)?.[1];
  return serviceNames.find((name) => services[name].version === version);
}

/** The query string without the signature of a presigned URL. */
function unsignedPart(parameters: readonly FormParameter[]): FormParameter[] {
  return parameters.filter(({ name }) => !name.startsWith("X-Amz-"));
}

/** The name of an operation that the service has. */
function actionOf(service: Service, parameters: readonly FormParameter[]): string {
  const value = (wanted: string): string | undefined =>
    parameters.find(({ name }) => name === wanted)?.value || undefined;
  const action = value("Action");
  if (action === undefined)
    throw new AwsError("MissingAction", "The request must contain the parameter Action.");
  const version = value("Version") ?? "NO_VERSION_SPECIFIED";
  if (version !== service.version || !Object.hasOwn(service.operations, action))
    throw new AwsError(
      "InvalidAction",
      `Could not find operation ${action.slice(0, 128)} for version ${version.slice(0, 32)}`,
    );
  return action;
}

// What went wrong inside is for the log alone; the request id ties the two together.
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

import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { CodedError, isErrorCode, messageOf } from "../base/errors.ts";
import type { ClientCredential } from "../config/config.ts";
import type { OperatorAnswers, OperatorLines, OperatorRequests } from "../model/operator.ts";
import { readCredentials, readServiceRecord, type ServiceRecord } from "../service/data-directory.ts";

export interface ClientOptions {
  readonly dataDirectory: string;
  /** The credentials of the configuration; empty if the service created its own. */
  readonly credentials: readonly ClientCredential[];
}

/** The response of our own endpoints to a refused request. */
interface Refusal {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** A failure that the service reported with a code that is not in the catalogue. */
class ServiceFailure extends Error {
  override name = "ServiceFailure";
}

/** Sends requests to the service that runs on a data directory, over its own HTTP endpoints. */
export class ServiceClient {
  readonly #service: ServiceRecord;
  readonly #signer: SignatureV4;
  /** The credential that signs the requests. */
  readonly credential: ClientCredential;

  private constructor(service: ServiceRecord, credential: ClientCredential) {
    this.#service = service;
    this.credential = credential;
    this.#signer = new SignatureV4({
      service: "zeroetl",
      region: service.region,
      credentials: {
        accessKeyId: credential.accessKeyId,
        secretAccessKey: credential.secretAccessKey.reveal(),
      },
      sha256: Sha256,
    });
  }

  /** Throws `CodedError` SERVICE_NOT_RUNNING if no service has left a record. */
  static async open({ dataDirectory, credentials }: ClientOptions): Promise<ServiceClient> {
    const service = await readServiceRecord(dataDirectory);
    const [credential] =
      credentials.length > 0 ? credentials : ((await readCredentials(dataDirectory)) ?? []);
    if (service === undefined || credential === undefined)
      throw new CodedError("SERVICE_NOT_RUNNING", `No service runs on the data directory ${dataDirectory}`);
    return new ServiceClient(service, credential);
  }

  get api(): string {
    return this.#service.api;
  }

  get region(): string {
    return this.#service.region;
  }

  /** One JSON object. */
  async ask<Command extends keyof OperatorAnswers>(
    command: Command,
    body: OperatorRequests[Command],
    signal: AbortSignal,
  ): Promise<OperatorAnswers[Command]> {
    const response = await this.#post(command, body, signal);
    return (await response.json()) as OperatorAnswers[Command];
  }

  /** The lines of a streamed answer. Throws the service's error if it fails midway. */
  async *lines<Command extends keyof OperatorLines>(
    command: Command,
    body: OperatorRequests[Command],
    signal: AbortSignal,
  ): AsyncGenerator<OperatorLines[Command]> {
    const response = await this.#post(command, body, signal);
    for await (const line of linesOf(response)) {
      const value = JSON.parse(line) as
        | OperatorLines[Command]
        | { readonly end: true }
        | { readonly error: Refusal };
      if ("end" in value) return;
      if ("error" in value) throw failureOf(value.error as Refusal);
      yield value;
    }
    throw new ServiceFailure("The service ended its answer early; its log gives the reason.");
  }

  async #post(command: string, body: object, signal: AbortSignal): Promise<Response> {
    const url = new URL(`/zeroetl/${command}`, this.#service.api);
    const text = JSON.stringify(body);
    const { headers } = await this.#signer.sign({
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      headers: { host: url.host, "content-type": "application/json" },
      body: text,
    });
    const response = await this.#send(url, { method: "POST", headers, body: text, signal });
    if (response.ok) return response;
    throw failureOf((await response.json().catch(() => ({}))) as Refusal);
  }

  async #send(url: URL, request: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    try {
      return await fetch(url, request);
    } catch (cause) {
      request.signal.throwIfAborted();
      const reason =
        cause instanceof Error && cause.cause !== undefined ? codeOf(cause.cause) : messageOf(cause);
      throw new CodedError("SERVICE_NOT_RUNNING", `No service answers at ${this.#service.api} (${reason})`, {
        cause,
      });
    }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? messageOf(error);
}

function failureOf({ code, message }: Refusal): Error {
  const text = typeof message === "string" ? message : "The service failed; its log says why.";
  if (typeof code !== "string") return new ServiceFailure(text);
  if (isErrorCode(code)) return new CodedError(code, text);
  return code === "INTERNAL"
    ? new ServiceFailure(text)
    : new CodedError("REQUEST_REFUSED", `${text} (${code})`);
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

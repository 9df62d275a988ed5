import type { AwsError } from "../../wire/aws/error.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import type { SignedRequest } from "../../wire/aws/sigv4.ts";
import type { Action } from "../action.ts";
import type { ServiceName } from "../services.ts";

/** One of the protocols of AWS's services: how requests and responses are encoded. */
export interface Protocol {
  /** The services that use it. */
  readonly services: readonly [ServiceName, ...ServiceName[]];
  readonly methods: readonly string[];
  readonly contentType: string;
  /** Throws `AwsError` if the service has no such action. */
  readonly open: (request: SignedRequest, service: ServiceName) => Invocation;
  readonly printResult: (result: Result) => string;
  readonly printError: (failure: Failure) => PrintedError;
}

/** A requested action. */
export interface Invocation {
  readonly action: Action;
  /** Its input. Throws `AwsError`. */
  readonly input: () => ValueOf<StructureShape>;
}

export interface Result {
  readonly service: ServiceName;
  readonly action: Action;
  readonly requestId: string;
  /** A value of the action's output. */
  readonly value: ValueOf<StructureShape> | undefined;
}

export interface Failure {
  readonly service: ServiceName;
  readonly requestId: string;
  readonly error: AwsError;
}

export interface PrintedError {
  /** The protocol's code for it. */
  readonly code: string;
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

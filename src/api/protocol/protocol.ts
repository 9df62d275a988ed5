import type { AwsError } from "../../wire/aws/error.ts";
import type { StructureShape, ValueOf } from "../../wire/aws/shape.ts";
import type { SignedRequest } from "../../wire/aws/sigv4.ts";
import type { Operation } from "./operation.ts";
import type { ServiceName } from "../services.ts";

/** One of the protocols that AWS's services speak: how a request says what it wants, and how it is answered. */
export interface Protocol {
  /** Those that speak it. */
  readonly services: readonly [ServiceName, ...ServiceName[]];
  readonly methods: readonly string[];
  readonly contentType: string;
  /** Throws `AwsError` where the service has no such action. */
  readonly open: (request: SignedRequest, service: ServiceName) => Invocation;
  readonly printResult: (result: Result) => string;
  readonly printError: (failure: Failure) => PrintedError;
}

/** An action that was asked for. */
export interface Invocation {
  readonly action: string;
  readonly operation: Operation;
  /** What it was asked with. Throws `AwsError`. */
  readonly input: () => ValueOf<StructureShape>;
}

export interface Result {
  readonly service: ServiceName;
  readonly action: string;
  readonly requestId: string;
  readonly output: StructureShape | undefined;
  /** Of the shape `output`. */
  readonly value: ValueOf<StructureShape> | undefined;
}

export interface Failure {
  readonly service: ServiceName;
  readonly requestId: string;
  readonly error: AwsError;
}

export interface PrintedError {
  /** As the protocol calls it. */
  readonly code: string;
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

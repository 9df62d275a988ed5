import type { Action } from "./action.ts";
import { rds } from "./rds/service.ts";
import { redshift } from "./redshift/service.ts";
import { serverless } from "./serverless/service.ts";
import { sts } from "./sts/service.ts";

/** A service that uses AWS Query. */
export interface QueryService {
  /** The only API version. */
  readonly version: string;
  readonly namespace: string;
  readonly actions: readonly Action[];
}

/** A service that uses AWS JSON. */
export interface JsonService {
  /** The prefix of the action in the header `X-Amz-Target`. */
  readonly targetPrefix: string;
  readonly actions: readonly Action[];
}

// Both are keyed by the service name in the scope of a signature.

export const queryServices = { rds, redshift, sts } as const satisfies Record<string, QueryService>;

export const jsonServices = {
  "redshift-serverless": serverless,
} as const satisfies Record<string, JsonService>;

/** All of them. */
export const serviceNames: readonly string[] = [...Object.keys(queryServices), ...Object.keys(jsonServices)];

export type QueryServiceName = keyof typeof queryServices;
export type JsonServiceName = keyof typeof jsonServices;
export type ServiceName = QueryServiceName | JsonServiceName;

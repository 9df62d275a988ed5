import type { FilterRules } from "./engine-kinds.ts";

/** The AWS account and region that this service emulates. */
export interface Home {
  readonly account: string;
  readonly region: string;
}

/** A configured source or target as the API sees it: names and ARNs, never a connection string. */
export interface SourceResource {
  readonly name: string;
  readonly kind: "instance" | "cluster";
  readonly engine: string;
  readonly filters: FilterRules;
  /** `arn:aws:rds:REGION:ACCOUNT:db:NAME` or `…:cluster:NAME`. */
  readonly arn: string;
  /** The host and port of its url; undefined when the url names no network host, such as the path of a socket. */
  readonly endpoint: Endpoint | undefined;
  /** The database that its url names, if any. */
  readonly database: string | undefined;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface TargetResource {
  readonly name: string;
  readonly namespaceId: string;
  /** `arn:aws:redshift-serverless:REGION:ACCOUNT:namespace/UUID`. */
  readonly arn: string;
}

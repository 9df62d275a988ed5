/** A configured source or target as the API knows it: names and ARNs, never a connection string. */
export interface SourceResource {
  readonly name: string;
  readonly kind: "instance" | "cluster";
  readonly engine: string;
  /** `arn:aws:rds:REGION:ACCOUNT:db:NAME` or `…:cluster:NAME`. */
  readonly arn: string;
}

export interface TargetResource {
  readonly name: string;
  readonly namespaceId: string;
  /** `arn:aws:redshift-serverless:REGION:ACCOUNT:namespace/UUID`. */
  readonly arn: string;
}

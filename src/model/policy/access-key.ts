import type { Secret } from "../../base/secret.ts";
import type { Policy } from "./policy.ts";

/** A key that signs requests, as the API knows it once its id has been looked up. */
export interface AccessKey {
  /** Such as AKIAIOSFODNN7EXAMPLE. */
  readonly id: string;
  /** Whose it is: the last part of the user's ARN. */
  readonly user: string;
  readonly secret: Secret;
  /** Undefined: it may do everything. */
  readonly policy: Policy | undefined;
}

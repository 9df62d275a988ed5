import type { Secret } from "../../base/secret.ts";
import type { Policy } from "./policy.ts";

/** A key that signs requests, as the API sees it after looking up its id. */
export interface AccessKey {
  /** Such as AKIAIOSFODNN7EXAMPLE. */
  readonly id: string;
  /** Its user: the last part of the user's ARN. */
  readonly user: string;
  readonly secret: Secret;
  /** Undefined: every action is allowed. */
  readonly policy: Policy | undefined;
}

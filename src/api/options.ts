import type { Catalog } from "../catalog/catalog.ts";
import type { Quotas } from "../catalog/integrations/desired-state.ts";
import type { IntegrationKeys } from "../kms/integration-keys.ts";
import type { AccessKey } from "../model/policy/access-key.ts";
import type { SupportedVersion } from "../model/engine-kinds.ts";
import type { SourceResource, TargetResource } from "../model/resources.ts";
import type { AccessKeys } from "./access/access-keys.ts";
import type { JsonObject } from "../base/json.ts";
import type { OperatorPort } from "../model/operator.ts";

export interface ApiOptions {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
  readonly sources: readonly SourceResource[];
  readonly targets: readonly TargetResource[];
  /** What can be a source. */
  readonly engineVersions: readonly SupportedVersion[];
  readonly quotas: Quotas;
  readonly keys: AccessKeys;
  readonly dataKeys: IntegrationKeys;
  readonly catalog: Catalog;
  readonly now: () => Date;
  /** What the command line asks; its paths answer 404 without one. */
  readonly operator: OperatorPort | undefined;
  readonly health: () => Health;
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<string>;
}

/** Everything that a request may use, its own caller included. */
export interface Call extends ApiOptions {
  readonly caller: AccessKey;
  /** Whether the request came to us over TLS. */
  readonly isSecure: boolean;
}

/** `GET /healthz`: 200 when `ok`, else 503; the body is the object. */
export type Health = JsonObject & { readonly ok: boolean };

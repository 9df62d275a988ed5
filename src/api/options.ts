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
  /** The engine versions that can be sources. */
  readonly engineVersions: readonly SupportedVersion[];
  readonly quotas: Quotas;
  readonly keys: AccessKeys;
  readonly dataKeys: IntegrationKeys;
  readonly catalog: Catalog;
  readonly now: () => Date;
  /** Serves the command line; without it, its paths answer 404. */
  readonly operator: OperatorPort | undefined;
  readonly health: () => Health;
  /** In Prometheus's text format. */
  readonly metrics: () => Promise<string>;
}

/** Everything that a request may use, including its own caller. */
export interface Call extends ApiOptions {
  readonly caller: AccessKey;
  /** Whether the request reached us over TLS. */
  readonly isSecure: boolean;
}

/** `GET /healthz`: 200 when `ok`, else 503; the body is the object. */
export type Health = JsonObject & { readonly ok: boolean };

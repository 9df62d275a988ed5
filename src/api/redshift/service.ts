import { createIntegration } from "./create-integration.ts";
import { deleteIntegration } from "./delete-integration.ts";
import { deleteResourcePolicy } from "./delete-resource-policy.ts";
import { describeClusters } from "./describe-clusters.ts";
import { describeInboundIntegrations } from "./describe-inbound-integrations.ts";
import { describeIntegrations } from "./describe-integrations.ts";
import { describeLoggingStatus } from "./describe-logging-status.ts";
import { getResourcePolicy } from "./get-resource-policy.ts";
import { modifyIntegration } from "./modify-integration.ts";
import { putResourcePolicy } from "./put-resource-policy.ts";

/** Redshift. */
export const redshift = {
  version: "2012-12-01",
  namespace: "http://redshift.amazonaws.com/doc/2012-12-01/",
  actions: [
    describeInboundIntegrations,
    createIntegration,
    describeIntegrations,
    modifyIntegration,
    deleteIntegration,
    describeClusters,
    describeLoggingStatus,
    putResourcePolicy,
    getResourcePolicy,
    deleteResourcePolicy,
  ],
} as const;

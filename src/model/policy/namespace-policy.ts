import { parseResourcePolicy } from "./document.ts";
import { decide, type Decision, type Policy } from "./policy.ts";

/** The actions that the policy of a warehouse's namespace controls. */
export const inbound = {
  /** Checked for the caller who creates an integration. */
  create: "redshift:CreateInboundIntegration",
  /** Checked for the service, for a source, as long as an integration from it exists. */
  authorize: "redshift:AuthorizeInboundIntegration",
} as const;

export const inboundService = "redshift.amazonaws.com";

/** The policy of a namespace. `arn`: as in `TargetResource`. Throws `InvalidPolicy`. */
export function parseNamespacePolicy(document: unknown, arn: string): Policy {
  return parseResourcePolicy(document, {
    names: [arn, ...alsoNamed(arn)],
    actions: [inbound.create, inbound.authorize],
  });
}

/** Other ARNs of a namespace: AWS has one for cluster namespaces, and a policy may use it. Nothing else has any. */
export function alsoNamed(arn: string): readonly string[] {
  return /^arn:[^:]*:redshift-serverless:[^:]*:[^:]*:namespace\//.test(arn)
    ? [arn.replace(":redshift-serverless:", ":redshift:").replace(":namespace/", ":namespace:")]
    : [];
}

export interface InboundStream {
  readonly sourceArn: string;
  readonly targetArn: string;
  readonly now: Date;
}

/**
 * Whether a source may be replicated into a namespace. A namespace without a policy accepts all sources of this
 * service, and no check is made.
 */
export function decideOnSource(
  policy: Policy | undefined,
  { sourceArn, targetArn, now }: InboundStream,
): Decision {
  if (policy === undefined) return "allowed";
  const [, , , region = "", account = ""] = sourceArn.split(":");
  return decide(policy, {
    action: inbound.authorize,
    resource: targetArn,
    principal: { kind: "service", name: inboundService },
    context: new Map([
      ["aws:sourcearn", [sourceArn]],
      ["aws:sourceaccount", [account]],
      ["aws:principalisawsservice", ["true"]],
      ["aws:principalservicename", [inboundService]],
      ["aws:requestedregion", [region]],
      ["aws:currenttime", [now.toISOString()]],
      ["aws:epochtime", [String(Math.floor(now.getTime() / 1_000))]],
    ]),
  });
}

import type { Home, TargetResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { nextOf } from "../protocol/list-page.ts";
import type { ListQuery } from "../protocol/marker.ts";
import type { ApiOptions } from "../options.ts";
import { everyWarehousesDatabase } from "../redshift/clusters.ts";
import type { NamespaceOutput, WorkgroupOutput } from "./shapes.ts";

// A target is represented by a namespace and by the workgroup that computes for it: both have its name and id.

type Kind = "namespace" | "workgroup";

/** Throws `ResourceNotFoundException`. */
export function findTarget(options: ApiOptions, kind: Kind, name: string): TargetResource {
  const target = targetNamed(options, name);
  if (target === undefined)
    throw new AwsError("ResourceNotFoundException", `The ${kind} ${name} does not exist.`);
  return target;
}

interface PageInput {
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

interface TargetList {
  readonly items: readonly TargetResource[];
  readonly query: ListQuery;
}

/** One page of targets, in the order of their names. Throws `InvalidParameterValue`. */
export function targetPage(
  options: ApiOptions,
  { maxResults = 100, nextToken }: PageInput,
  list: TargetList,
): { readonly items: readonly TargetResource[]; readonly next: string | undefined } {
  const request = { limit: maxResults, marker: nextToken };
  return nextOf(options, request, { ...list, placeOf: ({ name }) => name.toLowerCase() });
}

/** The ARN of the namespace with that name; if there is none, an unused ARN. */
export function namespaceArn(options: ApiOptions, name: string): string {
  return targetNamed(options, name)?.arn ?? arnOf(options, "namespace", name);
}

/** Like `namespaceArn`. */
export function workgroupArn(options: ApiOptions, name: string): string {
  return arnOf(options, "workgroup", targetNamed(options, name)?.namespaceId ?? name);
}

export function namespaceOutput({ name, arn, namespaceId }: TargetResource): NamespaceOutput {
  return {
    namespaceArn: arn,
    namespaceId,
    namespaceName: name,
    // A warehouse is available as long as the service runs.
    status: "AVAILABLE",
    dbName: everyWarehousesDatabase,
  };
}

/** Without an endpoint: none exists for SQL. */
export function workgroupOutput(options: ApiOptions, { name, namespaceId }: TargetResource): WorkgroupOutput {
  return {
    workgroupArn: arnOf(options, "workgroup", namespaceId),
    workgroupId: namespaceId,
    workgroupName: name,
    namespaceName: name,
    status: "AVAILABLE",
  };
}

function targetNamed({ targets }: ApiOptions, name: string): TargetResource | undefined {
  return targets.find((target) => target.name === name);
}

function arnOf({ account, region }: Home, kind: Kind, id: string): string {
  return `arn:aws:redshift-serverless:${region}:${account}:${kind}/${id}`;
}

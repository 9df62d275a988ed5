import type { Home, TargetResource } from "../../model/resources.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { nextOf, type PageRequest } from "../protocol/list-page.ts";
import type { ApiOptions } from "../options.ts";
import { everyWarehousesDatabase } from "../redshift/clusters.ts";
import type { serverlessShapes } from "./shapes.ts";

type InputOf<Action extends keyof typeof serverlessShapes> = ValueOf<
  (typeof serverlessShapes)[Action]["input"]
>;
type OutputOf<Action extends keyof typeof serverlessShapes> = ValueOf<
  (typeof serverlessShapes)[Action]["output"]
>;

// A target is represented by a namespace and by the workgroup that computes for it: both have its name and id.

/** In the order of their names. */
export async function listNamespaces(
  input: InputOf<"ListNamespaces">,
  options: ApiOptions,
): Promise<OutputOf<"ListNamespaces">> {
  const list = { items: options.targets, placeOf, query: ["ListNamespaces"] };
  const { items, next } = nextOf(options, desiredOf(input), list);
  return { namespaces: items.map(namespaceOutput), nextToken: next };
}

export async function getNamespace(
  { namespaceName }: InputOf<"GetNamespace">,
  options: ApiOptions,
): Promise<OutputOf<"GetNamespace">> {
  const target = targetNamed(options, namespaceName);
  if (target === undefined) throw notFound("namespace", namespaceName);
  return { namespace: namespaceOutput(target) };
}

/** In the order of their names. Other accounts have none here. */
export async function listWorkgroups(
  input: InputOf<"ListWorkgroups">,
  options: ApiOptions,
): Promise<OutputOf<"ListWorkgroups">> {
  const { ownerAccount = options.account } = input;
  const targets = ownerAccount === options.account ? options.targets : [];
  const list = { items: targets, placeOf, query: ["ListWorkgroups", ownerAccount] };
  const { items, next } = nextOf(options, desiredOf(input), list);
  return { workgroups: items.map((target) => workgroupOutput(options, target)), nextToken: next };
}

export async function getWorkgroup(
  { workgroupName }: InputOf<"GetWorkgroup">,
  options: ApiOptions,
): Promise<OutputOf<"GetWorkgroup">> {
  const target = targetNamed(options, workgroupName);
  if (target === undefined) throw notFound("workgroup", workgroupName);
  return { workgroup: workgroupOutput(options, target) };
}

/** The ARN of the namespace with that name; if there is none, an unused ARN. */
export function namespaceArn(options: ApiOptions, name: string): string {
  return targetNamed(options, name)?.arn ?? arnOf(options, "namespace", name);
}

/** Like `namespaceArn`. */
export function workgroupArn(options: ApiOptions, name: string): string {
  return arnOf(options, "workgroup", targetNamed(options, name)?.namespaceId ?? name);
}

function arnOf({ account, region }: Home, kind: "namespace" | "workgroup", id: string): string {
  return `arn:aws:redshift-serverless:${region}:${account}:${kind}/${id}`;
}

function targetNamed({ targets }: ApiOptions, name: string): TargetResource | undefined {
  return targets.find((target) => target.name === name);
}

function desiredOf({ maxResults = 100, nextToken }: InputOf<"ListNamespaces">): PageRequest {
  return { limit: maxResults, marker: nextToken };
}

function placeOf({ name }: TargetResource): string {
  return name.toLowerCase();
}

function namespaceOutput({ name, arn, namespaceId }: TargetResource): OutputOf<"GetNamespace">["namespace"] {
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
function workgroupOutput(
  options: ApiOptions,
  { name, namespaceId }: TargetResource,
): OutputOf<"GetWorkgroup">["workgroup"] {
  return {
    workgroupArn: arnOf(options, "workgroup", namespaceId),
    workgroupId: namespaceId,
    workgroupName: name,
    namespaceName: name,
    status: "AVAILABLE",
  };
}

function notFound(kind: "namespace" | "workgroup", name: string): AwsError {
  return new AwsError("ResourceNotFoundException", `The ${kind} ${name} does not exist.`);
}

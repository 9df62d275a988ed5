import type { Integration, Tag } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ApiOptions } from "../options.ts";
import { findIntegration } from "./integration-output.ts";
import { sourceNotFound } from "./source-not-found.ts";

/** A resource with tags. */
interface Taggable {
  readonly list: () => Promise<readonly Tag[]>;
  readonly add: (tags: readonly Tag[]) => Promise<"tagged" | "unknown" | "too-many">;
  /** False when the resource no longer exists. */
  readonly remove: (keys: readonly string[]) => Promise<boolean>;
}

const resourceArn = /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:[a-z0-9-]*:[0-9]*:([a-z-]+):([a-zA-Z0-9-]+)$/;

/**
 * Integrations and sources have tags, and are named by their ARNs. Throws `InvalidParameterValue` for another resource,
 * and the fault for one that does not exist.
 */
export async function taggable(options: ApiOptions, arn: string): Promise<Taggable> {
  const [, type] = resourceArn.exec(arn) ?? [];
  if (type === "integration") return taggableIntegration(options, await findIntegration(options, arn));
  if (type !== "db" && type !== "cluster")
    throw new AwsError(
      "InvalidParameterValue",
      "The value of the parameter ResourceName is not valid: it must be the ARN of an integration or a source.",
    );
  const source = options.sources.find((candidate) => candidate.arn === arn);
  if (source === undefined) throw sourceNotFound(options, type === "db" ? "instance" : "cluster", arn);
  return taggableSource(options, source.arn);
}

function taggableIntegration({ catalog }: ApiOptions, { id, tags }: Integration): Taggable {
  return {
    list: async () => tags,
    add: async (added) => (await catalog.addTags(id, added)).kind,
    remove: (keys) => catalog.removeTags(id, keys),
  };
}

function taggableSource({ catalog }: ApiOptions, arn: string): Taggable {
  return {
    list: async () => (await catalog.sources([arn])).get(arn)?.tags ?? [],
    add: (added) => catalog.addSourceTags(arn, added),
    remove: async (keys) => {
      await catalog.removeSourceTags(arn, keys);
      return true;
    },
  };
}

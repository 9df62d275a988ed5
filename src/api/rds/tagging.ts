import { unreachable } from "../../base/assert.ts";
import type { Integration, Tag } from "../../model/integration.ts";
import { AwsError } from "../../wire/aws/error.ts";
import type { ValueOf } from "../../wire/aws/shape.ts";
import { parseFilters } from "../protocol/filters.ts";
import { findIntegration, notFound } from "./integration-output.ts";
import type { ApiOptions } from "../options.ts";
import type { shapes } from "./integration-shapes.ts";
import { sourceNotFound } from "./source-not-found.ts";
import { parseTags, tagsOutput, tooManyTags } from "./tag-rules.ts";

type AddInput = ValueOf<typeof shapes.AddTagsToResource.input>;
type ListInput = ValueOf<typeof shapes.ListTagsForResource.input>;
type ListOutput = ValueOf<typeof shapes.ListTagsForResource.output>;
type RemoveInput = ValueOf<typeof shapes.RemoveTagsFromResource.input>;

/** Allowed in any status: tags belong to the API and mean nothing to the runtime. */
export async function addTagsToResource(input: AddInput, options: ApiOptions): Promise<void> {
  const resource = await taggable(options, input.ResourceName);
  const kind = await resource.add(parseTags(input.Tags));
  switch (kind) {
    case "tagged":
      return;
    case "unknown":
      throw notFound(input.ResourceName);
    case "too-many":
      throw tooManyTags();
    default:
      unreachable(kind);
  }
}

export async function listTagsForResource(input: ListInput, options: ApiOptions): Promise<ListOutput> {
  parseFilters({}, input.Filters);
  const resource = await taggable(options, input.ResourceName);
  return { TagList: tagsOutput(await resource.list()) };
}

export async function removeTagsFromResource(input: RemoveInput, options: ApiOptions): Promise<void> {
  const resource = await taggable(options, input.ResourceName);
  if (!(await resource.remove(input.TagKeys))) throw notFound(input.ResourceName);
}

/** A resource with tags. */
interface Taggable {
  readonly list: () => Promise<readonly Tag[]>;
  readonly add: (tags: readonly Tag[]) => Promise<"tagged" | "unknown" | "too-many">;
  /** False when the resource no longer exists. */
  readonly remove: (keys: readonly string[]) => Promise<boolean>;
}

const resourceArn = /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:[a-z0-9-]*:[0-9]*:([a-z-]+):([a-zA-Z0-9-]+)$/;

/** Integrations and sources have tags, and are named by their ARNs. */
async function taggable(options: ApiOptions, arn: string): Promise<Taggable> {
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

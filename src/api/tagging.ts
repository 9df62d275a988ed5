import { unreachable } from "../base/assert.ts";
import type { Integration } from "../model/integration.ts";
import { AwsError } from "../wire/aws-error.ts";
import type { ValueOf } from "../wire/aws-shape.ts";
import { sourceNotFound } from "./create-integration.ts";
import { findIntegration, notFound } from "./integration-output.ts";
import type { ApiOptions } from "./options.ts";
import type { shapes } from "./shapes.ts";
import { parseTags, tooManyTags } from "./tag-rules.ts";

type AddInput = ValueOf<typeof shapes.AddTagsToResource.input>;
type ListInput = ValueOf<typeof shapes.ListTagsForResource.input>;
type ListOutput = ValueOf<typeof shapes.ListTagsForResource.output>;
type RemoveInput = ValueOf<typeof shapes.RemoveTagsFromResource.input>;

/** In any status: tags are the API's own and mean nothing to the runtime. */
export async function addTagsToResource(input: AddInput, options: ApiOptions): Promise<void> {
  const { id } = await taggable(options, input.ResourceName);
  const { kind } = await options.catalog.addTags(id, parseTags(input.Tags));
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
  const [filter] = input.Filters ?? [];
  if (filter !== undefined)
    throw new AwsError("InvalidParameterValue", `Unrecognized filter name: ${filter.Name.slice(0, 255)}`);
  const { tags } = await taggable(options, input.ResourceName);
  return { TagList: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
}

export async function removeTagsFromResource(input: RemoveInput, options: ApiOptions): Promise<void> {
  const { id } = await taggable(options, input.ResourceName);
  if (!(await options.catalog.removeTags(id, input.TagKeys))) throw notFound(input.ResourceName);
}

const resourceArn = /^arn:aws[a-z-]*:rds(?:-[a-z]*)?:[a-z0-9-]*:[0-9]*:([a-z-]+):([a-zA-Z0-9-]+)$/;

/** Only integrations have tags here, and are named by their ARN. */
async function taggable(options: ApiOptions, arn: string): Promise<Integration> {
  const [, type] = resourceArn.exec(arn) ?? [];
  if (type === "integration") return findIntegration(options, arn);
  const isSource = options.sources.some((source) => source.arn === arn);
  if (!isSource && (type === "db" || type === "cluster")) throw sourceNotFound(arn);
  throw new AwsError(
    "InvalidParameterValue",
    "The value of the parameter ResourceName is not valid: it must be the ARN of an integration.",
  );
}

import type { Tag } from "../../model/integration.ts";
import { authorize, findAllowed, type Need } from "./authorization.ts";
import { integrationArn, isIntegrationArn } from "../protocol/arn.ts";
import { notFound } from "../rds/integration-output.ts";
import type { Call } from "../options.ts";

/** The permission that an action requires, with the names and resources of AWS's Service Authorization Reference. */
export type Permission<Input> =
  /**
   * On the integration that a parameter names by uuid, ARN or name; on all integrations if the parameter is missing.
   */
  | { readonly kind: "integration"; readonly action: string; readonly parameter: NameOf<Input> }
  /** On the resource whose ARN is a parameter, with the tags that the request adds or removes. */
  | {
      readonly kind: "tagged";
      readonly action: string;
      readonly parameter: NameOf<Input>;
      readonly tagsOf: (input: Input) => Pick<Need, "requestTags" | "tagKeys">;
    }
  /** On resources determined by the parameters. */
  | { readonly kind: "needs"; readonly needsOf: (input: Input, call: Call) => MaybePromise<readonly Need[]> };

type MaybePromise<T> = T | Promise<T>;

type NameOf<Input> = keyof Input & string;

/**
 * Returns the input, if the caller has the permission. From here on, an integration is named by its ARN, so that the
 * action applies to what was authorized. Throws `AccessDenied`, and `IntegrationNotFoundFault` if the caller may know
 * that.
 */
export async function permitted<Input extends object>(
  permission: Permission<Input>,
  input: Input,
  call: Call,
): Promise<Input> {
  if (permission.kind === "needs") {
    authorize(call, await permission.needsOf(input, call));
    return input;
  }
  const { action, parameter } = permission;
  const name = input[parameter] as string | undefined;
  const wanted = { action, ...(permission.kind === "tagged" && permission.tagsOf(input)) };
  const resource = name === undefined ? integrationArn(call, "*") : name;
  if (name === undefined || (permission.kind === "tagged" && !isIntegrationArn(name))) {
    authorize(call, [{ ...wanted, resource }]);
    return input;
  }
  const found = await findAllowed(call, name, wanted);
  if (found === undefined) throw notFound(name);
  return { ...input, [parameter]: integrationArn(call, found.id) };
}

/** For an action that applies to no particular resource. */
export function anywhere(action: string): Permission<object> {
  return { kind: "needs", needsOf: () => [{ action, resource: "*" }] };
}

/** Tags of a request as a policy sees them; the action validates them. */
export function tagsIn(
  tags: readonly { readonly Key: string; readonly Value?: string | undefined }[],
): Tag[] {
  return tags.map(({ Key: key, Value: value = "" }) => ({ key, value }));
}

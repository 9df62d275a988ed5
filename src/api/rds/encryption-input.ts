import { messageOf } from "../../base/errors.ts";
import type { NewIntegration } from "../../catalog/integrations/desired-state.ts";
import type { KeyedIntegration } from "../../kms/integration-keys.ts";
import { KeyNotAccessible } from "../../kms/key-store.ts";
import { AwsError } from "../../wire/aws/error.ts";
import { isAllowed } from "../access/authorization.ts";
import type { ApiOptions, Call } from "../options.ts";

interface EncryptionInput {
  readonly KMSKeyId?: string | undefined;
  readonly AdditionalEncryptionContext?: Readonly<Record<string, string>> | undefined;
}

/** The actions on the key that its caller needs permission for. */
const keyActions = ["kms:DescribeKey", "kms:CreateGrant"];

/** The requested key of an integration, by its ARN. Every part of the request is carried out or refused. */
export async function encryptionOf(
  { KMSKeyId, AdditionalEncryptionContext: context = {} }: EncryptionInput,
  call: Call,
): Promise<Pick<NewIntegration, "kmsKeyId" | "additionalEncryptionContext">> {
  const hasContext = Object.keys(context).length > 0;
  const { defaultArn } = call.dataKeys;
  if (KMSKeyId === undefined && hasContext)
    throw new AwsError(
      "InvalidParameterCombination",
      "AdditionalEncryptionContext can be used only together with KMSKeyId.",
    );
  if (Object.keys(context).some((key) => key.toLowerCase().startsWith("aws:")))
    throw new AwsError(
      "InvalidParameterValue",
      'The value of the parameter AdditionalEncryptionContext is not valid: keys that begin with "aws:" are reserved.',
    );
  const kmsKeyId = KMSKeyId === undefined ? defaultArn : await keyArnOf(KMSKeyId, call);
  if (kmsKeyId === defaultArn && hasContext)
    throw new AwsError(
      "InvalidParameterCombination",
      "AdditionalEncryptionContext cannot be used with the default key.",
    );
  return { kmsKeyId, additionalEncryptionContext: context };
}

/** A new data key, wrapped, for an integration that is about to be created. */
export async function wrappedKeyOf(desired: KeyedIntegration, { dataKeys }: ApiOptions): Promise<string> {
  try {
    return await dataKeys.newDataKey(desired);
  } catch (error) {
    throw notAccessible(desired.kmsKeyId, error);
  }
}

/** A key that the caller may not use is refused like any other inaccessible key, as at AWS. */
async function keyArnOf(name: string, call: Call): Promise<string> {
  const arn = await call.dataKeys.resolve(name).catch((error: unknown) => {
    throw notAccessible(name, error);
  });
  const isDefault = arn === call.dataKeys.defaultArn;
  if (!isDefault && !keyActions.every((action) => isAllowed(call, { action, resource: arn })))
    throw notAccessible(
      name,
      new KeyNotAccessible(`Your policy does not allow ${keyActions.join(" and ")} on it.`),
    );
  return arn;
}

function notAccessible(name: string, error: unknown): unknown {
  if (!(error instanceof KeyNotAccessible)) return error;
  return new AwsError(
    "KMSKeyNotAccessibleFault",
    `The KMS key ${name} is not accessible: ${messageOf(error)}`,
  );
}

import { AwsError } from "../../wire/aws/error.ts";
import { anywhere } from "../access/permission.ts";
import { action } from "../action.ts";
import {
  anyString,
  description,
  encryptionContext,
  integrationName,
  tagList,
} from "../protocol/shape-parts.ts";
import { integration, sourceArn, targetArn } from "./shapes.ts";

export const createIntegration = action({
  name: "CreateIntegration",
  input: {
    kind: "structure",
    required: { SourceArn: sourceArn, TargetArn: targetArn, IntegrationName: integrationName },
    optional: {
      KMSKeyId: anyString,
      TagList: tagList,
      AdditionalEncryptionContext: encryptionContext,
      Description: description,
    },
  },
  output: integration,
  permission: anywhere("redshift:CreateIntegration"),
  handle: async ({ SourceArn }) => {
    throw new AwsError(
      "UnsupportedOperation",
      `${SourceArn} cannot be a source here: sources are databases, with integrations that CreateIntegration of RDS creates.`,
    );
  },
});

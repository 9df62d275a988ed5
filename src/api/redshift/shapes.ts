import type { StringShape, StructureShape } from "../../wire/aws/shape.ts";
import {
  anyString,
  description,
  encryptionContext,
  integrationErrors,
  integrationName,
  tagList,
} from "../protocol/shape-parts.ts";

// Shapes of the Redshift service model that several actions share.

export const sourceArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^arn:aws[a-z-]*:(s3|dynamodb):[^:]*:[^:]*:[a-zA-Z0-9._\-/]+$/,
};

export const targetArn: StringShape = {
  kind: "string",
  lengthMin: 20,
  lengthMax: 2_048,
  pattern: /^arn:aws[a-z-]*:redshift(-serverless)?:[a-z0-9-]+:[0-9]{12}:namespace[/:][a-z0-9-]+$/,
};

/** Of the integrations that Redshift itself creates. */
export const integrationArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern:
    /^arn:aws[a-z-]*:redshift:[a-z0-9-]*:[0-9]*:integration:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

/**
 * An integration that Redshift itself creates. Its source is S3 or DynamoDB, which is not supported here: none can
 * exist, and RDS integrations are not among them.
 */
export const integration = {
  kind: "structure",
  required: {
    IntegrationArn: integrationArn,
    IntegrationName: integrationName,
    SourceArn: sourceArn,
    TargetArn: targetArn,
    Status: anyString,
    Errors: integrationErrors,
    CreateTime: { kind: "timestamp" },
    KMSKeyId: anyString,
    AdditionalEncryptionContext: encryptionContext,
    Tags: tagList,
  },
  optional: { Description: description },
} as const satisfies StructureShape;

/** The policy parser limits the length of a document. */
export const policyText: StringShape = { kind: "string", lengthMax: 1_048_576 };

export const resourcePolicy = {
  kind: "structure",
  required: {
    ResourcePolicy: {
      kind: "structure",
      required: { ResourceArn: anyString, Policy: policyText },
      optional: {},
    },
  },
  optional: {},
} as const satisfies StructureShape;

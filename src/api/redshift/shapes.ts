import type { StringShape, StructureShape } from "../../wire/aws/shape.ts";
import {
  anyString,
  description,
  encryptionContext,
  filter,
  integrationErrors,
  integrationName,
  listOf,
  marker,
  page,
  tagList,
} from "../protocol/shape-parts.ts";

// Shapes of the Redshift service model, API version 2012-12-01.

const sourceArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^arn:aws[a-z-]*:(s3|dynamodb):[^:]*:[^:]*:[a-zA-Z0-9._\-/]+$/,
};

const targetArn: StringShape = {
  kind: "string",
  lengthMin: 20,
  lengthMax: 2_048,
  pattern: /^arn:aws[a-z-]*:redshift(-serverless)?:[a-z0-9-]+:[0-9]{12}:namespace[/:][a-z0-9-]+$/,
};

/** Of the integrations that Redshift itself creates. */
const integrationArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern:
    /^arn:aws[a-z-]*:redshift:[a-z0-9-]*:[0-9]*:integration:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

/** Of integrations created by any service. */
const inboundIntegrationArn: StringShape = {
  kind: "string",
  lengthMin: 1,
  lengthMax: 255,
  pattern: /^arn:aws[a-z-]*:[a-z-]+:[a-z0-9-]*:[0-9]*:integration:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

const integration = {
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

const inboundIntegration = {
  kind: "structure",
  required: {
    IntegrationArn: anyString,
    SourceArn: anyString,
    TargetArn: anyString,
    Status: anyString,
    Errors: integrationErrors,
    CreateTime: { kind: "timestamp" },
  },
  optional: {},
} as const satisfies StructureShape;

// The model's members whose values can be known here.
const cluster = {
  kind: "structure",
  required: {
    ClusterIdentifier: anyString,
    ClusterStatus: anyString,
    ClusterAvailabilityStatus: anyString,
    DBName: anyString,
    Tags: tagList,
    ClusterNamespaceArn: anyString,
    AvailabilityZoneRelocationStatus: anyString,
    MultiAZ: anyString,
  },
  optional: {},
} as const satisfies StructureShape;

/** The policy parser limits the length of a document. */
const policyText: StringShape = { kind: "string", lengthMax: 1_048_576 };

const resourcePolicy = {
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

/** The input and output of each action. */
export const redshiftShapes = {
  DescribeInboundIntegrations: {
    input: {
      kind: "structure",
      required: {},
      optional: { IntegrationArn: inboundIntegrationArn, TargetArn: targetArn, ...page },
    },
    output: {
      kind: "structure",
      required: { InboundIntegrations: listOf(inboundIntegration, "InboundIntegration", 100) },
      optional: { Marker: marker },
    },
  },
  CreateIntegration: {
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
  },
  DescribeIntegrations: {
    input: {
      kind: "structure",
      required: {},
      optional: {
        IntegrationArn: integrationArn,
        Filters: listOf(filter, "DescribeIntegrationsFilter", 20),
        ...page,
      },
    },
    output: {
      kind: "structure",
      required: { Integrations: listOf(integration, "Integration", 100) },
      optional: { Marker: marker },
    },
  },
  ModifyIntegration: {
    input: {
      kind: "structure",
      required: { IntegrationArn: integrationArn },
      optional: { Description: description, IntegrationName: integrationName },
    },
    output: integration,
  },
  DeleteIntegration: {
    input: { kind: "structure", required: { IntegrationArn: integrationArn }, optional: {} },
    output: integration,
  },
  DescribeClusters: {
    input: {
      kind: "structure",
      required: {},
      optional: {
        ClusterIdentifier: anyString,
        TagKeys: listOf(anyString, "TagKey", 200),
        TagValues: listOf(anyString, "TagValue", 200),
        ...page,
      },
    },
    output: {
      kind: "structure",
      required: { Clusters: listOf(cluster, "Cluster", 100) },
      optional: { Marker: marker },
    },
  },
  DescribeLoggingStatus: {
    input: { kind: "structure", required: { ClusterIdentifier: anyString }, optional: {} },
    output: { kind: "structure", required: { LoggingEnabled: { kind: "boolean" } }, optional: {} },
  },
  PutResourcePolicy: {
    input: {
      kind: "structure",
      required: { ResourceArn: anyString, Policy: policyText },
      optional: {},
    },
    output: resourcePolicy,
  },
  GetResourcePolicy: {
    input: { kind: "structure", required: { ResourceArn: anyString }, optional: {} },
    output: resourcePolicy,
  },
  DeleteResourcePolicy: {
    input: { kind: "structure", required: { ResourceArn: anyString }, optional: {} },
    output: undefined,
  },
} as const satisfies Record<
  string,
  { readonly input: StructureShape; readonly output: StructureShape | undefined }
>;

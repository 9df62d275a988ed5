import { randomBytes } from "node:crypto";
import { CreateIntegrationCommand, type CreateIntegrationCommandInput } from "@aws-sdk/client-rds";
import { afterAll, beforeAll, expect, test } from "vitest";
import { account, region, testDataKeys } from "../../../test/support/aws-service.ts";
import { idOf, rdsClient, RdsSession, refusal } from "../../../test/support/rds-session.ts";
import { SecretBytes } from "../../base/secret.ts";
import { KeyNotAccessible } from "../../kms/key-store.ts";
import { LocalKeys, type LocalKey } from "../../kms/local-keys.ts";

const prefix = `arn:aws:kms:${region}:${account}`;
const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const arn = `${prefix}:key/${id}`;
const defaultArn = `${prefix}:key/00000000-0000-4000-8000-000000000000`;
const key = new SecretBytes(randomBytes(32));
const disabled = "22222222-12ab-34cd-56ef-1234567890ab";
const broken = "33333333-12ab-34cd-56ef-1234567890ab";
const materials: readonly LocalKey[] = [
  { id, aliases: ["alias/warehouse"], isEnabled: true, material: async () => key },
  { id: disabled, aliases: [], isEnabled: false, material: async () => key },
  {
    id: broken,
    aliases: [],
    isEnabled: true,
    material: () => Promise.reject(new KeyNotAccessible("Its file cannot be read.")),
  },
];
const dataKeys = testDataKeys(new LocalKeys({ account, region }, materials));
let session: RdsSession;

beforeAll(async () => {
  session = await RdsSession.start({ dataKeys });
});

afterAll(async () => {
  await session[Symbol.asyncDispose]();
});

test.each([id, arn, "alias/warehouse", `${prefix}:alias/warehouse`])(
  "an integration with the key %s reports the key's ARN, and has a data key of it",
  async (KMSKeyId) => {
    const context = { team: "data", stage: "prod" };
    const created = await session.create({ KMSKeyId, AdditionalEncryptionContext: context });
    expect(created).toMatchObject({ KMSKeyId: arn, AdditionalEncryptionContext: context });
    const wanted = await session.service.catalog.wanted();
    const desired = wanted.find(({ integration }) => integration.id === idOf(created));
    const wrapped = desired?.wrappedKey ?? "";
    const never = new AbortController().signal;
    const integration = { id: idOf(created), kmsKeyId: arn, additionalEncryptionContext: context };
    expect((await dataKeys.unwrap(integration, wrapped, never)).reveal()).toHaveLength(32);
    const bare = { ...integration, additionalEncryptionContext: {} };
    await expect(dataKeys.unwrap(bare, wrapped, never)).rejects.toMatchObject({
      code: "KMS_KEY_NOT_ACCESSIBLE",
    });
  },
);

test("without a key, or with the default one by any name, the default key is reported", async () => {
  for (const over of [{}, { KMSKeyId: defaultArn }, { KMSKeyId: defaultArn.split("/")[1] }])
    expect(await session.create(over)).toMatchObject({
      KMSKeyId: defaultArn,
      AdditionalEncryptionContext: {},
    });
});

const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));

test("six pairs of context are as many as there may be", async () => {
  const AdditionalEncryptionContext = pairs(6);
  expect(await session.create({ KMSKeyId: id, AdditionalEncryptionContext })).toMatchObject({
    AdditionalEncryptionContext,
  });
});

test.each<[string, Partial<CreateIntegrationCommandInput>, string, string]>([
  ["an unknown key", { KMSKeyId: "alias/other" }, "KMSKeyNotAccessibleFault", "alias/other"],
  ["a disabled key", { KMSKeyId: disabled }, "KMSKeyNotAccessibleFault", "disabled"],
  ["a key without its file", { KMSKeyId: broken }, "KMSKeyNotAccessibleFault", "cannot be read"],
  [
    "a key of another region",
    { KMSKeyId: `arn:aws:kms:eu-west-1:${account}:key/${id}` },
    "KMSKeyNotAccessibleFault",
    "not of account",
  ],
  [
    "a key of another account",
    { KMSKeyId: `arn:aws:kms:${region}:999999999999:key/${id}` },
    "KMSKeyNotAccessibleFault",
    "not of account",
  ],
  ["a key that is none", { KMSKeyId: "a key" }, "KMSKeyNotAccessibleFault", "neither"],
  [
    "a context without a key",
    { AdditionalEncryptionContext: { a: "b" } },
    "InvalidParameterCombination",
    "together with KMSKeyId",
  ],
  [
    "a context for the default key",
    { KMSKeyId: defaultArn, AdditionalEncryptionContext: { a: "b" } },
    "InvalidParameterCombination",
    "default key",
  ],
  [
    "seven pairs of context",
    { KMSKeyId: id, AdditionalEncryptionContext: pairs(7) },
    "InvalidParameterValue",
    "at most 6",
  ],
  [
    "a reserved pair of context",
    { KMSKeyId: id, AdditionalEncryptionContext: { "aws:servicename:id": "x" } },
    "InvalidParameterValue",
    "reserved",
  ],
])("%s is refused", async (...[, over, name, hint]) => {
  expect(await refusal(session.create(over))).toEqual({
    name,
    status: 400,
    message: expect.stringContaining(hint),
  });
});

test("who may create integrations needs the right to use the key, too, and gets the answer of a key that is not there", async () => {
  const attempt = async (...actions: string[]): Promise<string | undefined> => {
    const Statement = [
      { Effect: "Allow", Action: ["rds:*", "redshift:*"], Resource: "*" },
      { Effect: "Allow", Action: actions, Resource: arn },
    ];
    const made = await session.service.keys.create("ann", { Version: "2012-10-17", Statement });
    const credentials = { accessKeyId: made.id, secretAccessKey: made.secret.reveal() };
    const client = rdsClient(session.service, { credentials });
    try {
      const desired = session.request({ KMSKeyId: "alias/warehouse" });
      return (await client.send(new CreateIntegrationCommand(desired))).KMSKeyId;
    } finally {
      client.destroy();
    }
  };
  expect(await attempt("kms:DescribeKey", "kms:CreateGrant")).toBe(arn);
  for (const action of ["kms:DescribeKey", "kms:CreateGrant"])
    expect(await refusal(attempt(action))).toMatchObject({ name: "KMSKeyNotAccessibleFault", status: 400 });
});

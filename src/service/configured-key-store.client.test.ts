import { randomBytes } from "node:crypto";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { expect, test } from "vitest";
import { requireClient } from "../../test/support/clients.ts";
import { Moto } from "../../test/support/moto.ts";
import { integrationArn } from "../api/protocol/arn.ts";
import { configurationOf } from "../../test/support/configuration.ts";
import { keyStoreOf } from "./configured-key-store.ts";
import { IntegrationKeys } from "../kms/integration-keys.ts";

// Moto's account.
const account = "123456789012";
const never = new AbortController().signal;

test("a configured KMS API wraps the data keys of integrations, bound to what AWS binds them to", async (context) => {
  requireClient(context, "moto");
  await using moto = await Moto.start();
  const { endpoint } = moto;
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const client = new KMSClient({ endpoint, region: "us-east-1", credentials });
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  const alias = { AliasName: "alias/warehouse", TargetKeyId: KeyMetadata?.KeyId };
  await client.send(new CreateAliasCommand(alias));
  client.destroy();
  const api = { endpoint, access_key_id: "a", secret_access_key: "b" };
  const configuration = await configurationOf({ account, kms: { api } });
  const store = await keyStoreOf(configuration);
  const keys = new IntegrationKeys({
    home: configuration,
    sealingKey: randomBytes(32),
    store,
    arnOf: (id) => integrationArn(configuration, id),
  });
  const kmsKeyId = await keys.resolve("alias/warehouse");
  expect(kmsKeyId).toBe(KeyMetadata?.Arn);
  const integration = { id: "i-1", kmsKeyId, additionalEncryptionContext: { team: "data" } };
  const wrapped = await keys.newDataKey(integration);
  expect((await keys.unwrap(integration, wrapped, never)).reveal()).toHaveLength(32);
  await expect(keys.unwrap({ ...integration, id: "i-2" }, wrapped, never)).rejects.toMatchObject({
    code: "KMS_KEY_NOT_ACCESSIBLE",
    isPassing: false,
    message: expect.stringContaining(`The KMS key ${kmsKeyId} is not accessible`),
  });
  const bytes = Buffer.from(wrapped, "base64");
  const pairs = {
    team: "data",
    "aws:redshift:integration:arn": integrationArn(configuration, "i-1"),
    "aws:servicename:id": "Redshift",
  };
  const found = await store?.unwrap({ keyArn: kmsKeyId, context: pairs, bytes }, never);
  expect(found?.reveal()).toHaveLength(32);
});

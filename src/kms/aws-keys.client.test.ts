import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
  type CreateKeyCommandInput,
} from "@aws-sdk/client-kms";
import { describe, expect, test } from "vitest";
import { requireClient } from "../../test/support/clients.ts";
import { Moto } from "../../test/support/moto.ts";
import { Secret } from "../base/secret.ts";
import { AwsKeys } from "./aws-keys.ts";

const home = { account: "123456789012", region: "us-east-1" };
const never = new AbortController().signal;
const accessKeyId = "AKIDKMS";
const secretAccessKey = "kms-secret-key";

interface Kms {
  readonly keys: AwsKeys;
  readonly create: (input?: CreateKeyCommandInput) => Promise<{ readonly id: string; readonly arn: string }>;
  readonly client: KMSClient;
  readonly moto: Moto;
}

/** Starts the foreign server for one test. */
async function withKms(work: (kms: Kms) => Promise<void>): Promise<void> {
  await using moto = await Moto.start();
  const { endpoint } = moto;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new KMSClient({ endpoint, region: home.region, credentials });
  const create = async (input: CreateKeyCommandInput = {}) => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand(input));
    return { id: KeyMetadata?.KeyId ?? "", arn: KeyMetadata?.Arn ?? "" };
  };
  const secret = { accessKeyId, secretAccessKey: new Secret(secretAccessKey) };
  try {
    await work({ keys: new AwsKeys(home, { endpoint, credentials: secret }), create, client, moto });
  } finally {
    client.destroy();
  }
}

const refused = (hint: string) => ({
  code: "KMS_KEY_NOT_ACCESSIBLE",
  isPassing: false,
  message: expect.stringContaining(hint),
});

describe("keys behind the KMS API", () => {
  test("are named in every form, wrap and unwrap, and are refused when they cannot be used", async (context) => {
    requireClient(context, "moto");
    await withKms(async ({ keys, create, client }) => {
      const { id, arn } = await create();
      await client.send(new CreateAliasCommand({ AliasName: "alias/warehouse", TargetKeyId: id }));
      const aliasArn = `arn:aws:kms:${home.region}:${home.account}:alias/warehouse`;
      for (const name of [id, arn, "alias/warehouse", aliasArn]) expect(await keys.resolve(name)).toBe(arn);

      const pairs = { team: "data", "aws:servicename:id": "Redshift" };
      const bytes = await keys.newDataKey(arn, pairs);
      const unwrap = (context = pairs as Record<string, string>) =>
        keys.unwrap({ keyArn: arn, context, bytes }, never);
      expect((await unwrap()).reveal()).toHaveLength(32);
      expect(await unwrap()).toEqual(await unwrap());
      await expect(unwrap({ team: "data" })).rejects.toMatchObject(refused("InvalidCiphertext"));

      await client.send(new DisableKeyCommand({ KeyId: id }));
      await expect(unwrap()).rejects.toMatchObject(refused("Disabled"));
      await expect(keys.resolve(id)).rejects.toMatchObject(refused("Disabled"));
      await client.send(new EnableKeyCommand({ KeyId: id }));
      expect((await unwrap()).reveal()).toHaveLength(32);
      await client.send(new ScheduleKeyDeletionCommand({ KeyId: id }));
      await expect(unwrap()).rejects.toMatchObject(refused("PendingDeletion"));

      const signing = await create({ KeyUsage: "SIGN_VERIFY", KeySpec: "RSA_2048" });
      await expect(keys.resolve(signing.id)).rejects.toMatchObject(refused("not a symmetric key"));
      const unknown = "00000000-12ab-34cd-56ef-1234567890ab";
      await expect(keys.resolve(unknown)).rejects.toMatchObject(refused("NotFoundException"));
      await expect(keys.resolve("alias/nobody")).rejects.toMatchObject(refused("NotFoundException"));
      await expect(keys.resolve(arn.replace(home.region, "eu-west-1"))).rejects.toMatchObject(
        refused("not of account"),
      );
    });
  });

  test("a server that is away says nothing about the key, and is found by the check", async (context) => {
    requireClient(context, "moto");
    await withKms(async ({ keys, create, moto }) => {
      const { arn } = await create();
      const bytes = await keys.newDataKey(arn, {});
      expect(await keys.check(never)).toMatchObject([{ severity: "fine" }]);
      await moto.stop();
      const away = { code: "KMS_KEY_NOT_ACCESSIBLE", isPassing: true };
      await expect(keys.unwrap({ keyArn: arn, context: {}, bytes }, never)).rejects.toMatchObject(away);
      await expect(keys.resolve(arn)).rejects.toMatchObject(away);
      expect(await keys.check(never)).toMatchObject([
        {
          severity: "blocks",
          code: "KMS_KEY_NOT_ACCESSIBLE",
          message: expect.stringContaining("ECONNREFUSED"),
        },
      ]);
    });
  });
});

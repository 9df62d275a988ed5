import type { Configuration } from "../config/config.ts";
import type { ConfiguredKey } from "../config/kms-settings.ts";
import { readKeyFile } from "../kms/key-material.ts";
import type { KeyStore } from "../kms/key-store.ts";
import { LocalKeys, type LocalKey } from "../kms/local-keys.ts";

/** The store of the keys that callers may name; undefined if none are configured. No request is sent to it yet. */
export async function keyStoreOf(configuration: Configuration): Promise<KeyStore | undefined> {
  const { kms } = configuration;
  switch (kms.kind) {
    case "none":
      return undefined;
    case "local":
      return new LocalKeys(configuration, kms.keys.map(localKeyOf));
    case "api": {
      // Loaded only where it is used: AWS's client takes time and memory.
      const { AwsKeys } = await import("../kms/aws-keys.ts");
      return new AwsKeys(configuration, kms);
    }
  }
}

function localKeyOf({ id, aliases, isEnabled, material }: ConfiguredKey): LocalKey {
  const read = typeof material === "string" ? () => readKeyFile(material) : async () => material;
  return { id, aliases, isEnabled, material: read };
}

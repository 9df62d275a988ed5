import { CreateDBInstanceCommand, RDSClient } from "@aws-sdk/client-rds";
import type { Moto } from "../test/support/moto.ts";
import { credentials, region } from "../test/support/service.ts";

/** Fills the reference with something to list. */
export async function createInstances({ endpoint }: Moto, count: number): Promise<void> {
  const rds = new RDSClient({ endpoint, region, credentials });
  for (let number = 1; number <= count; number++)
    await rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: `instance-${number}`,
        DBInstanceClass: "db.t3.micro",
        Engine: "postgres",
        AllocatedStorage: 20,
        MasterUsername: "tester",
        MasterUserPassword: "not-a-real-one",
      }),
    );
  rds.destroy();
}

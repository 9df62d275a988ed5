import {
  CreateIntegrationCommand,
  RDSClient,
  RDSServiceException,
  type CreateIntegrationCommandInput,
  type Integration,
} from "@aws-sdk/client-rds";
import {
  credentials,
  region,
  sources,
  targets,
  TestService,
  type TestServiceOptions,
} from "./aws-service.ts";

/** A service and a client of it. */
export class RdsSession implements AsyncDisposable {
  readonly service: TestService;
  readonly rds: RDSClient;
  #requests = 0;

  private constructor(service: TestService) {
    this.service = service;
    this.rds = rdsClient(service);
  }

  static async start(over: TestServiceOptions = {}): Promise<RdsSession> {
    return new RdsSession(await TestService.start(over));
  }

  /** Parameters of a creation that is granted: a name and a pair of source and target that nobody else has. */
  request(over: Partial<CreateIntegrationCommandInput> = {}): CreateIntegrationCommandInput {
    this.#requests += 1;
    return {
      IntegrationName: `integration-${this.#requests}`,
      SourceArn: sources[this.#requests % 20]?.arn,
      TargetArn: targets[Math.floor(this.#requests / 20)]?.arn,
      DataFilter: "include: shop.*.*",
      ...over,
    };
  }

  async create(over: Partial<CreateIntegrationCommandInput> = {}): Promise<Integration> {
    return this.rds.send(new CreateIntegrationCommand(this.request(over)));
  }

  /** One that the runtime has reported active. */
  async active(over: Partial<CreateIntegrationCommandInput> = {}): Promise<Integration> {
    const integration = await this.create(over);
    const report = { generation: 1, status: "active", errors: [], tables: [] } as const;
    await this.service.catalog.report(idOf(integration), report);
    return integration;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rds.destroy();
    await this.service[Symbol.asyncDispose]();
  }
}

interface Identity {
  readonly credentials?: typeof credentials;
  readonly region?: string;
}

/** Never tries twice, so that a test sees the first answer. */
export function rdsClient(service: TestService, over: Identity = {}): RDSClient {
  return new RDSClient({ endpoint: service.url, region, credentials, maxAttempts: 1, ...over });
}

/** The uuid of an integration. */
export function idOf({ IntegrationArn }: Integration): string {
  return IntegrationArn?.split(":").at(-1) ?? "";
}

export interface Refusal {
  /** Of the shape, as this SDK shows it: the code with `Fault` at its end, where the two differ. */
  readonly name: string;
  readonly status: number | undefined;
  readonly message: string;
}

/** The error that a call is answered with. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof RDSServiceException)) throw error;
    return { name: error.name, status: error.$metadata.httpStatusCode, message: error.message };
  }
  throw new Error("accepted");
}

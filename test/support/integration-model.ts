/** An integration, as plain as it can be. */
export interface ModelIntegration {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly createdAt: Date;
  readonly tags: Map<string, string>;
  name: string;
  filter: string;
  description: string | undefined;
  status: string;
  errors: readonly string[];
  generation: number;
}

export interface ModelState {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly filter: string | undefined;
  readonly tags: readonly string[];
}

export interface ModelChange {
  readonly name: string | undefined;
  readonly filter: string | undefined;
  readonly description: string | undefined;
}

export interface ModelReport {
  readonly generation: number;
  readonly status: string;
  readonly errors: readonly string[];
}

interface ModelQuotas {
  readonly perAccount: number;
  readonly perTarget: number;
  readonly perSource: number;
}

const tagsMax = 50;

/**
 * What the API must do, in a page or two: a list of integrations in the order of their creation. What a caller may do
 * gives undefined and is done; what is refused gives the code and changes nothing.
 */
export class IntegrationModel {
  #integrations: ModelIntegration[];
  readonly #quotas: ModelQuotas;

  /** `there`: what is there at the beginning. */
  constructor(quotas: ModelQuotas, there: readonly ModelIntegration[]) {
    this.#quotas = quotas;
    this.#integrations = [...there];
  }

  get integrations(): readonly ModelIntegration[] {
    return this.#integrations;
  }

  find(identifier: string): ModelIntegration | undefined {
    const key = identifier.split(":integration:").at(-1)?.toLowerCase();
    return (
      this.#integrations.find(({ id }) => id === key) ??
      this.#integrations.find(({ name }) => name.toLowerCase() === key)
    );
  }

  create(desired: ModelState, made: { readonly id: string; readonly createdAt: Date }): string | undefined {
    const filter = filterFor(desired.source, desired.filter ?? "");
    if (filter === undefined) return "InvalidParameterValue";
    const there = this.#integrations;
    if (this.#isTaken(desired.name)) return "IntegrationConflictOperationFault";
    const ofSource = there.filter(({ source }) => source === desired.source);
    const ofTarget = there.filter(({ target }) => target === desired.target);
    if (ofSource.some(({ target }) => target === desired.target)) return "IntegrationAlreadyExistsFault";
    const { perAccount, perTarget, perSource } = this.#quotas;
    if (there.length >= perAccount || ofTarget.length >= perTarget || ofSource.length >= perSource)
      return "IntegrationQuotaExceededFault";
    const { name, source, target } = desired;
    const tags = new Map(desired.tags.map((key) => [key, "created"]));
    const rest = { description: undefined, status: "creating", errors: [], generation: 1 };
    this.#integrations.push({ ...made, name, source, target, filter, tags, ...rest });
    return undefined;
  }

  modify(identifier: string, { name, filter, description }: ModelChange): string | undefined {
    const integration = this.find(identifier);
    if (integration === undefined) return "IntegrationNotFoundFault";
    const wanted = filter === undefined ? integration.filter : filterFor(integration.source, filter);
    if (wanted === undefined) return "InvalidParameterValue";
    if (!isOpen(integration, ["active", "syncing", "needs_attention"])) return "InvalidIntegrationStateFault";
    const isRenamed = name !== undefined && name.toLowerCase() !== integration.name.toLowerCase();
    if (isRenamed && this.#isTaken(name)) return "IntegrationConflictOperationFault";
    integration.name = name ?? integration.name;
    integration.description = description ?? integration.description;
    if (wanted === integration.filter) return undefined;
    integration.filter = wanted;
    begin(integration, "modifying");
    return undefined;
  }

  delete(identifier: string): string | undefined {
    const integration = this.find(identifier);
    if (integration === undefined) return "IntegrationNotFoundFault";
    if (!isOpen(integration, ["active", "failed", "syncing", "needs_attention"]))
      return "InvalidIntegrationStateFault";
    begin(integration, "deleting");
    return undefined;
  }

  tag(id: string, keys: readonly string[], value: string): string | undefined {
    const integration = this.find(id);
    if (integration === undefined) return "IntegrationNotFoundFault";
    if (new Set([...integration.tags.keys(), ...keys]).size > tagsMax) return "InvalidParameterValue";
    for (const key of keys) integration.tags.set(key, value);
    return undefined;
  }

  untag(id: string, keys: readonly string[]): string | undefined {
    const integration = this.find(id);
    for (const key of keys) integration?.tags.delete(key);
    return integration === undefined ? "IntegrationNotFoundFault" : undefined;
  }

  /** Of the runtime: what is old is dropped, and nothing takes back a deletion. */
  report(id: string, { generation, status, errors }: ModelReport): void {
    const integration = this.find(id);
    if (integration === undefined || integration.generation !== generation) return;
    integration.errors = errors;
    if (integration.status !== "deleting") integration.status = status;
  }

  forget(id: string): void {
    this.#integrations = this.#integrations.filter(
      (integration) => integration.id !== id || integration.status !== "deleting",
    );
  }

  #isTaken(name: string): boolean {
    return this.#integrations.some((integration) => integration.name.toLowerCase() === name.toLowerCase());
  }
}

/** A state that ends by itself lets nothing through, unless it waits for a person. */
function isOpen({ status, errors }: ModelIntegration, statuses: readonly string[]): boolean {
  const isWaiting = (status === "creating" || status === "modifying") && errors.length > 0;
  return statuses.includes(status) || isWaiting;
}

function begin(integration: ModelIntegration, status: string): void {
  integration.status = status;
  integration.errors = [];
  integration.generation += 1;
}

/** MySQL's patterns have two parts and a default; PostgreSQL's have three, and one must include something. */
function filterFor(source: string, filter: string): string | undefined {
  const isMysql = source.endsWith(":books");
  if (filter === "") return isMysql ? "include: *.*" : undefined;
  const parts = filter.split(".").length;
  return parts === (isMysql ? 2 : 3) && (isMysql || filter.includes("include")) ? filter : undefined;
}

import { inspect } from "node:util";

const hidden = "[secret]";

/** A value that logs, errors, JSON and debuggers print as `[secret]`. */
abstract class Hidden<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Call it only where the value is used, and do not store the result. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}

/** A text that no one else may see, such as a password. */
export class Secret extends Hidden<string> {}

/** Bytes that no one else may see, such as a key. */
export class SecretBytes extends Hidden<Uint8Array> {}

/** Settings of which some may be secrets, such as those of a target's engine. */
export class SecretSettings extends Hidden<unknown> {}

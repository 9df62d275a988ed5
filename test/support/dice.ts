import { randomFrom } from "./random.ts";

/** Choices that a seed decides. */
export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** 0 … below. */
  int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const picked = list[this.int(list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** The text with one of its characters exchanged, by any of those of a byte or by one that can be printed. */
  flipped(text: string, alphabet: "bytes" | "printable"): string {
    const at = this.int(text.length);
    const code = alphabet === "bytes" ? this.int(256) : 0x20 + this.int(0x5f);
    return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
  }
}

import { randomBytes, randomInt } from "node:crypto";
import { Secret } from "./secret.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** An access key in the form of AWS's. */
export function randomAccessKey(): { readonly id: string; readonly secret: Secret } {
  const end = Array.from({ length: 16 }, () => letters[randomInt(letters.length)]).join("");
  return { id: `AKIA${end}`, secret: new Secret(randomBytes(30).toString("base64url")) };
}

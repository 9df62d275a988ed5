import { z } from "zod";

/** A setting: `description` is for the documentation, `allowed` for people who entered a wrong value. */
export function setting<T extends z.ZodType>(schema: T, description: string, allowed: string): T {
  return schema.meta({ description, allowed });
}

/** A URL that can be parsed, including user and password. */
export const isWebUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  const isWhole = !/%(?![0-9A-Fa-f]{2})/.test(username + password);
  return isWhole && (protocol === "http:" || protocol === "https:");
};

/** A number of at least 1, which an environment variable supplies as text. */
export const wholeNumber = (most: number) =>
  z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z.int().min(1).max(most),
  );

const units = { MB: 1e6, MiB: 1024 ** 2, GB: 1e9, GiB: 1024 ** 3 } as const;
const size = /^(\d{1,6}(?:\.\d{1,3})?) ?(MB|MiB|GB|GiB)$/;

/** The bytes of a size such as 512MB or 1.5GiB. */
export function bytesOf(text: string): number {
  const [, amount = "", unit = ""] = size.exec(text) ?? [];
  return Math.floor(Number(amount) * (units[unit as keyof typeof units] ?? Number.NaN));
}

export const isSizeFrom = (least: number) => (text: string) => bytesOf(text) >= least;

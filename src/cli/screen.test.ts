import { expect, test } from "vitest";
import { Screen } from "./screen.ts";
import { openTerminal } from "./terminal.ts";

test("a screen shows what fits into the window, and gives the terminal back as it was", async () => {
  const written: string[] = [];
  const write = async (text: string): Promise<void> => void written.push(text);
  const listeners = process.listenerCount("exit");
  {
    await using screen = await Screen.open({ ...openTerminal(), rows: 3, write });
    await screen.draw(["a", "b", "c"]);
    await screen.draw(["a", "b", "c", "d"]);
  }
  const [begun = "", all, cut, ended = ""] = written;
  expect(begun).toContain("\u001b[?1049h");
  expect(all).toBe("\u001b[Ha\u001b[K\r\nb\u001b[K\r\nc\u001b[K\u001b[J");
  expect(cut).toBe("\u001b[Ha\u001b[K\r\nb\u001b[K\r\n… and 2 more lines\u001b[K\u001b[J");
  // Neither the window nor what was scrolled out of it is erased.
  expect(written.join("")).not.toMatch(/\[[23]J/);
  expect(ended).toContain("\u001b[?1049l");
  expect(process.listenerCount("exit")).toBe(listeners);
});

import { expect, test } from "vitest";
import { bodyBytesMax, readBody } from "./request-body.ts";

function request(body: ReadableStream<Uint8Array>): Request {
  return new Request("http://127.0.0.1/", { method: "POST", body, duplex: "half" });
}

test("a client that hangs up in the middle of its body is no failure of the service", async () => {
  const chunks = [Buffer.from("Action=")];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.pop();
      if (chunk === undefined) controller.error(new Error("aborted"));
      else controller.enqueue(chunk);
    },
  });
  await expect(readBody(request(body))).rejects.toMatchObject({ code: "ValidationError", status: 400 });
});

test("a body that does not end is read no further than its limit", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536));
      sent += 65_536;
    },
  });
  await expect(readBody(request(body))).rejects.toMatchObject({ code: "RequestEntityTooLarge" });
  expect(sent).toBeLessThan(bodyBytesMax + 5 * 65_536);
});

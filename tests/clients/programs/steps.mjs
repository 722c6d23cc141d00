// The same as steps.py, for programs in JavaScript.
import { text } from "node:stream/consumers";

export const PROMPT = "Count to three.";

export async function run(callsOf) {
  const clients = {};
  for (const { url, step, call, model } of JSON.parse(await text(process.stdin))) {
    clients[url] ??= callsOf(url);
    console.log(JSON.stringify({ url, step, ...(await answer(clients[url][call], model)) }));
  }
}

async function answer(call, model) {
  try {
    return { said: await call(model) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

export async function joined(parts) {
  let whole = "";
  for await (const part of parts) whole += part ?? "";
  return whole;
}

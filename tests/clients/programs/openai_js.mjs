// The openai SDK for JavaScript.
import OpenAI from "openai";

import { PROMPT, joined, run } from "./steps.mjs";

const messages = [{ role: "user", content: PROMPT }];

function calls(url) {
  const client = new OpenAI({ ...(url && { baseURL: url, apiKey: "any" }), maxRetries: 0 });

  async function* words(model) {
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true }))
      yield chunk.choices[0]?.delta?.content;
  }

  return {
    chat: async (model) => (await client.chat.completions.create({ model, messages })).choices[0].message.content,
    stream: (model) => joined(words(model)),
    embed: async (model) => (await client.embeddings.create({ model, input: "one" })).data[0].embedding,
    models: async () => (await Array.fromAsync(client.models.list())).map((model) => model.id),
  };
}

await run(calls);

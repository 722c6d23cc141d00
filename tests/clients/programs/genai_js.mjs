// @google/genai for JavaScript.
import { GoogleGenAI } from "@google/genai";

import { PROMPT, joined, run } from "./steps.mjs";

function calls(url) {
  const { models } = new GoogleGenAI(url ? { apiKey: "any", httpOptions: { baseUrl: url } } : {});

  async function* words(model) {
    for await (const part of await models.generateContentStream({ model, contents: PROMPT })) yield part.text;
  }

  return {
    chat: async (model) => (await models.generateContent({ model, contents: PROMPT })).text,
    stream: (model) => joined(words(model)),
    embed: async (model) => (await models.embedContent({ model, contents: "one" })).embeddings[0].values,
    models: async () => (await Array.fromAsync(await models.list())).map((model) => model.name),
  };
}

await run(calls);
